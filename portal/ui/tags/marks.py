"""Small marks inside a line: icon, badge, version, digest, avatar."""

from typing import Any

from django.db.models import Model
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString

from portal.core import actors
from portal.lifecycle import catalogue
from portal.ui import text
from portal.ui.icons import ALIASES, ICONS
from portal.ui.library import register

TONES = ("ok", "warn", "bad", "info", "mute")
TONE_ICONS = {"ok": "check", "warn": "alert-triangle", "bad": "x", "info": "info-circle", "mute": "circle-dashed"}


@register.simple_tag
def icon(name: str, *, size: str = "", label: str = "") -> SafeString:
    """`{% icon "check" size="sm" label="done" %}`: hidden from screen readers unless it has a label."""
    paths = format_html_join("", '<path d="{}"/>', ((path,) for path in ICONS[ALIASES.get(name, name)]))
    spoken = format_html('role="img" aria-label="{}"', label) if label else SafeString('aria-hidden="true"')
    return format_html(
        '<svg class="icon{}" viewBox="0 0 24 24" {}>{}</svg>', f" icon-{size}" if size else "", spoken, paths
    )


@register.simple_tag
def badge(tone: str, label: Any, icon_name: str | None = None, *, size: str = "", title: str = "") -> SafeString:
    """`{% badge "ok" "Holding" %}`: tone, words, icon. Without an icon name the tone's own is used; "" shows none."""
    if tone not in TONES:
        raise ValueError(f"A badge has one of the tones {', '.join(TONES)}, not {tone!r}.")
    shown = TONE_ICONS[tone] if icon_name is None else icon_name
    return format_html(
        '<span class="badge {}{}"{}>{}{}</span>',
        tone,
        f" {size}" if size else "",
        format_html(' title="{}"', title) if title else "",
        icon(shown) if shown else "",
        conditional_escape(label),
    )


@register.simple_tag
def status_badge(row: Model, extra: str = "", *, size: str = "") -> SafeString:
    """`{% status_badge request ", 1 of 2" size="lg" %}`: words and tone from the machine of the row's table."""
    state = catalogue.state_of(row)
    return badge(state.tone, f"{state.words}{extra}", state.icon or None, size=size)


@register.simple_tag
def state_badge(model_label: str, status: str) -> SafeString:
    """`{% state_badge "registry.ModelVersion" "ready" %}`: the same for a status without its row."""
    state = catalogue.MACHINES[model_label.lower()].state(status)
    return badge(state.tone, state.words, state.icon or None)


@register.simple_tag
def ver(number: Any, role: str = "", url: str = "") -> SafeString:
    """`{% ver 43 "chall" url %}`: identity by colour and shape. Roles: champ, chall, none (shadow), or empty."""
    label = f"v{number}" if str(number).isdigit() else number
    if url:
        return format_html('<a class="ver {}" href="{}">{}</a>', role, url, label)
    return format_html('<span class="ver {}">{}</span>', role, label)


@register.filter
def begins(words: Any) -> str:
    """`{{ actor_label|begins }}`: at the beginning of a sentence or a line."""
    return actors.begins(str(words))


@register.simple_tag
def digest(value: str | None, *, copy: bool = True, label: str = "digest") -> SafeString | str:
    """`{% digest version.digest %}`: shortened, whole in the title, with a copy button."""
    if not value:
        return "\u2013"
    shown = format_html('<code class="digest" title="{}">{}</code>', value, text.short_digest(value))
    return format_html("{} {}", shown, copy_button(value, label)) if copy else shown


@register.simple_tag
def copy_button(value: str, label: str = "text") -> SafeString:
    """`{% copy_button token "token" %}`: an icon button that copies; hidden where there is no script."""
    return format_html(
        '<button class="btn ghost sm icon-only needs-js" type="button" data-copy="{}" aria-label="Copy {}">{}</button>',
        value,
        label,
        icon("copy", size="sm"),
    )


@register.simple_tag
def avatar(label: str, *, size: str = "") -> SafeString:
    """`{% avatar "Priya Nair" %}`: initials, hidden from screen readers; write the name beside it."""
    return format_html(
        '<span class="avatar{}" aria-hidden="true">{}</span>', f" {size}" if size else "", text.initials(label)
    )
