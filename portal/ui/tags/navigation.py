"""Filters in the address, pages of a list, live regions, breadcrumbs."""

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, QueryDict
from django.template import RequestContext
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString

from portal.core.errors import PortalError
from portal.core.logs import request_id_var
from portal.ui import nav
from portal.ui.library import register

CURSORS = ("before", "after", "cursor", "page")


def _address(request: HttpRequest, query: QueryDict) -> str:
    return f"{request.path}?{query.urlencode()}" if query else request.path


def _here(context: RequestContext, query: QueryDict) -> str:
    """The present page under another query; `here` names the page where only a part of it is being answered."""
    path = context.get("here") or context["request"].path
    return f"{path}?{query.urlencode()}" if query else str(path)


def _without(request: HttpRequest, name: str, value: str | None = None) -> str:
    """The present address without one filter, and without the place in the list."""
    query = request.GET.copy()
    kept = [] if value is None else [other for other in query.getlist(name) if other != value]
    query.setlist(name, kept)
    for cursor in (*CURSORS, *([name] if not kept else [])):
        query.pop(cursor, None)
    return _address(request, query)


@register.inclusion_tag("components/chips.html", takes_context=True)
def filter_chips(context: RequestContext, *filters: str, unknown: Sequence[str] = ()) -> dict[str, Any]:
    """`{% filter_chips "state:State" "model" unknown=unknown %}`: one removable chip per filter in force.

    A filter is `name` or `name:Words`; `unknown` names parameters of the address that mean nothing here.
    """
    request = context["request"]
    known = [name.partition(":")[::2] for name in filters]
    chips = [
        {"name": words or name.capitalize(), "value": value, "url": _without(request, name, value)}
        for name, words in known
        for value in request.GET.getlist(name)
        if value
    ]
    strange = [{"name": name, "url": _without(request, name)} for name in unknown if name not in CURSORS]
    return {"chips": chips, "unknown": strange, "clear": request.path}


@register.simple_tag(takes_context=True)
def mended(context: RequestContext, error: PortalError) -> dict[str, str]:
    """`{% mended error as whole %}`: where a refused page leads without what is wrong in its address: `url`, `words`;
    empty where the address is not what was refused."""
    request: HttpRequest | None = context.get("request")
    if request is None or error.status != 400 or request.method not in ("GET", "HEAD") or "\x00" in request.path:
        return {}
    if not request.GET:
        return {}
    wrong = [name for name, value in request.GET.items() if name in error.fields or "\x00" in value]
    query = request.GET.copy()
    for name in [*wrong, *CURSORS] if wrong else list(query):
        query.pop(name, None)
    if wrong and set(wrong) <= set(CURSORS):
        return {"url": _address(request, query), "words": "the first page"}
    return {"url": _address(request, query), "words": f"the page without {'this filter' if wrong else 'filters'}"}


@register.inclusion_tag("components/pager.html", takes_context=True)
def pager(
    context: RequestContext,
    *,
    older: Any = None,
    newer: Any = None,
    older_name: str = "before",
    newer_name: str = "after",
    words: str = "older,newer",
) -> dict[str, Any]:
    """`{% pager older=cursor newer=cursor %}`: links by cursor; a missing side has no link. Other filters stay."""
    request = context["request"]

    def turned(name: str, value: Any) -> str:
        query = request.GET.copy()
        for cursor in CURSORS:
            query.pop(cursor, None)
        query[name] = str(value)
        return _here(context, query)

    old, _, new = words.partition(",")
    return {
        "older": turned(older_name, older) if older else "",
        "newer": turned(newer_name, newer) if newer else "",
        "older_words": old.capitalize(),
        "newer_words": new.capitalize(),
    }


@register.inclusion_tag("components/choices.html", takes_context=True)
def choices(context: RequestContext, name: str, options: str, label: str, *, default: str = "") -> dict[str, Any]:
    """`{% choices "history" "all:All,rollbacks:Rollbacks" "Filter history" default="all" %}`: a row of links."""
    request = context["request"]
    current = request.GET.get(name, default)
    links = []
    for option in options.split(","):
        value, _, words = option.partition(":")
        query = request.GET.copy()
        query[name] = value
        for cursor in CURSORS:
            query.pop(cursor, None)
        links.append({"url": _here(context, query), "words": words or value, "current": value == current})
    return {"links": links, "label": label}


@register.simple_tag(takes_context=True)
def bands(context: RequestContext) -> SafeString:
    """`{% bands %}`: the bands over this page, by what it shows; the layout asks for them, once."""
    shown: Any = context.flatten()
    found = filter(None, (provider(shown) for provider in nav.BANDS))
    return SafeString("".join(render_to_string(band.template, {**band.context}) for band in found))


@register.simple_tag
def live(url: str, revision: Any, seconds: int = 5) -> SafeString:
    """The attributes of a region that refreshes itself: `<div id="live" {% live url rev 5 %}>`.

    The view answers 304 when the `HX-PTag` header equals the revision. 0 seconds: final, no more polls.
    """
    if not seconds:
        return SafeString("")
    return format_html(
        'hx-get="{}" hx-trigger="every {}s" hx-swap="outerMorph" hx-ptag="{}" data-live', url, int(seconds), revision
    )


@register.inclusion_tag("components/crumbs.html")
def crumbs(*steps: str) -> dict[str, Any]:
    """`{% crumbs "Models" "/models/" "card-fraud" %}`: words and addresses in turn; the last is the page itself."""
    pairs = [(steps[i], steps[i + 1] if i + 1 < len(steps) else "") for i in range(0, len(steps), 2)]
    return {"steps": pairs}


@register.simple_tag
def request_id() -> str:
    """The id of the request being answered, also where a template gets no request."""
    return request_id_var.get() or ""
