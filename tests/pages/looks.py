"""What is wrong with the page a browser shows, in lines; nothing when it is clean."""

import re
from collections.abc import Iterator

from playwright.sync_api import Page

from tests.browsing import draw_figures, overflow, violations

WIDTHS = (1920, 1440, 768, 390, 320)
SCHEMES = ("light", "dark")
LEFTOVER = re.compile(r"\{\{|\{%|\bNone\b|\bundefined\b|\bNaN\b|\[object |&(amp|lt|quot);")
SHAPE = """() => ({
    headings: [...document.querySelectorAll('h1')].filter(h => h.getClientRects().length).map(h => h.innerText.trim()),
    title: document.title.replace(/\\|.*$/, '').trim(),
    text: document.querySelector('main')?.innerText ?? '',
    hollow: [...document.querySelectorAll('main :is(h2, h3, label, legend, .card, .card-body, th, button, a)')]
        .filter(e => e.getClientRects().length && !e.textContent.trim())
        .filter(e => !e.getAttribute('aria-label') && !e.querySelector('svg, input'))
        .map(e => e.outerHTML.slice(0, 90)),
    doubled: [...document.querySelectorAll('[id]')].map(e => e.id).filter((id, at, all) => all.indexOf(id) !== at),
})"""

SHOWN = """() => JSON.stringify([...document.querySelectorAll('*')]
    .filter(e => e.checkVisibility({visibilityProperty: true, opacityProperty: true}))
    .map(e => [e.tagName, ...['x', 'y', 'width', 'height'].map(one => e.getBoundingClientRect()[one])]))"""


def faults(page: Page) -> list[str]:
    """Structure, widths and what axe says, in both themes; the window is left at 1440 pixels, light."""
    return [*_shape(page), *_in_both_themes(page)]


def _shape(page: Page) -> Iterator[str]:
    found = page.evaluate(SHAPE)
    if len(found["headings"]) != 1 or not all(found["headings"]):
        yield f"needs one h1, has {found['headings']}"
    if not found["title"]:
        yield "has no title of its own"
    if match := LEFTOVER.search(found["text"]):
        start = max(match.start() - 30, 0)
        yield f"shows {found['text'][start : match.end() + 30]!r}"
    yield from (f"is hollow at {html}" for html in found["hollow"])
    yield from (f"has the id {name} twice" for name in found["doubled"])


def _in_both_themes(page: Page) -> Iterator[str]:
    draw_figures(page)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            if wider := overflow(page):
                yield f"is {wider} px too wide at {width} px, {scheme}"
    page.set_viewport_size({"width": 1440, "height": 900})
    yield from _violations(page)
    page.emulate_media(color_scheme="light")


def _violations(page: Page) -> Iterator[str]:
    """Where both themes show the same elements in the same places, only rules about colours can judge them apart."""
    shown = ""
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        before, shown = shown, page.evaluate(SHOWN)
        yield from (f"{scheme}: {line}" for line in violations(page, only_colours=shown == before))
