"""Block tags: boxes around text of the page."""

from django.template import RequestContext
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString

from portal.ui.library import register
from portal.ui.tags.marks import TONE_ICONS, copy_button, icon

NOTE_ICONS = TONE_ICONS | {"bad": "alert-circle", "mute": "info-circle"}


@register.simple_block_tag
def note_box(content: str, tone: str = "info", *, role: str = "", icon_name: str = "") -> SafeString:
    """`{% note_box "warn" %}<p><strong>...</strong> ...</p>{% endnote_box %}`. Role `alert` for errors after a post."""
    return format_html(
        '<div class="note-box {}"{}>{}<div>{}</div></div>',
        tone,
        format_html(' role="{}"', role) if role else "",
        icon(icon_name or NOTE_ICONS[tone]),
        content,
    )


@register.simple_block_tag
def code(content: str, label: str = "code") -> SafeString:
    """`{% code "the curl command" %}...{% endcode %}`: a code block with a copy button. Surrounding blank lines go."""
    return code_block(SafeString(content.strip("\n")), label)


@register.simple_tag
def code_block(source: str, label: str = "code") -> SafeString:
    """`{% code_block snippet "the Python example" %}`: the same for a variable."""
    return format_html(
        '<div class="code-block"><pre tabindex="0" aria-label="{}"><code>{}</code></pre>{}</div>',
        label[:1].upper() + label[1:],
        source,
        format_html(
            '<button class="btn sm icon-only needs-js" type="button" data-copy-from aria-label="Copy {}">{}</button>',
            label,
            icon("copy", size="sm"),
        ),
    )


@register.simple_block_tag
def dialog(content: str, name: str, title: str, *, sub: str = "") -> SafeString:
    """`{% dialog "sign" "Sign your approval" sub="..." %}` around the dlg-body and dlg-foot, or a form with both."""
    return format_html(
        '<dialog id="{0}" aria-labelledby="{0}-title"><div class="dlg-head"><div><h2 id="{0}-title">{1}</h2>{2}</div>'
        '<button class="btn ghost sm icon-only push" type="button" data-close aria-label="Close">{3}</button></div>'
        "{4}</dialog>",
        name,
        title,
        format_html('<p class="sm muted">{}</p>', sub) if sub else "",
        icon("x"),
        content,
    )


@register.simple_block_tag
def more(content: str, name: str, label: str = "More actions") -> SafeString:
    """`{% more "steer-more" %}<a href="...">Abort</a>{% endmore %}`: what is seldom done, behind three dots. It opens
    without script; with it, Escape and a click elsewhere close it."""
    return format_html(
        '<details class="more" id="{}"><summary class="btn icon-only" aria-label="{}">{}</summary>'
        '<div class="menu">{}</div></details>',
        name,
        label,
        icon("dots"),
        content,
    )


@register.simple_block_tag(takes_context=True)
def confirm(
    context: RequestContext,
    content: str,
    title: str,
    *,
    action: str,
    button: str,
    back: str = "",
    tone: str = "danger",
    exact: str = "",
    icon_name: str = "",
) -> str:
    """A confirm form that works as a page and, fetched by a `data-dialog` link, inside a dialog.

    `button` repeats verb and object; `exact` is a text to type for what cannot be undone; `back` is where Cancel goes.
    """
    return render_to_string(
        "components/confirm.html",
        {
            "content": content,
            "title": title,
            "action": action,
            "button": button,
            "back": back,
            "tone": tone,
            "exact": exact,
            "icon_name": icon_name,
        },
        request=context.get("request"),
    )


@register.inclusion_tag("components/empty.html")
def empty_state(
    sentence: str, icon_name: str = "box", *, text: str = "", command: str = "", url: str = "", link: str = ""
) -> dict[str, str]:
    """`{% empty_state "No models yet" "box" command="..." %}`: what would be here, and one action or one command."""
    return {"sentence": sentence, "icon_name": icon_name, "text": text, "command": command, "url": url, "link": link}


__all__ = ["code", "code_block", "confirm", "copy_button", "dialog", "empty_state", "more", "note_box"]
