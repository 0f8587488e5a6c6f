"""The gallery in Chromium: nothing a checker, the policy or a narrow window complains about; the scripts at work."""

import re

import pytest
from playwright.sync_api import Route, expect

from tests.browsing import draw_figures, overflow, violations
from tests.ui.conftest import Visit

pytestmark = [pytest.mark.browser, pytest.mark.slow]

THEMES = [
    pytest.param({"color_scheme": scheme, "viewport": {"width": width, "height": 900}}, id=f"{scheme}-{width}")
    for scheme in ("light", "dark")
    for width in (1440, 390)
]
PAGES = ("/_ui/?state=open", "/_ui/confirm/", "/_ui/auth/", "/_ui/refused/409/", "/_ui/refused/503/")
NO_SCRIPT = pytest.param({"java_script_enabled": False}, id="no-script")
PHONE = pytest.param({"viewport": {"width": 390, "height": 844}}, id="phone")
EXPECTED = re.compile(r"error: Failed to load resource: the server responded with a status of (409|503|422) ")


@pytest.mark.parametrize("visit", THEMES, indirect=True)
def test_no_checker_finds_anything(visit: Visit) -> None:
    for path in PAGES:
        visit.go(path)
        if path == PAGES[0]:
            draw_figures(visit.page)
        assert violations(visit.page) == [], path
    assert [line for line in visit.complaints if not EXPECTED.match(line)] == []


@pytest.mark.parametrize("visit", [THEMES[0], THEMES[3]], indirect=True)
def test_open_dialogs_are_clean_too(visit: Visit) -> None:
    visit.go("/_ui/")
    visit.page.locator("[data-dialog=sign]").click()
    expect(visit.page.locator("#sign-password")).to_be_focused()
    assert violations(visit.page) == []
    visit.page.keyboard.press("Escape")
    visit.page.locator("a[data-dialog]").first.click()
    dialog = visit.page.locator("#page-dialog")
    expect(dialog).to_be_visible()
    expect(dialog.locator("[name=reason]").first).to_be_focused()
    assert violations(visit.page) == []
    dialog.get_by_text("Cancel").click()
    expect(dialog).to_be_hidden()
    assert visit.page.url.endswith("/_ui/")


def test_a_refused_form_links_to_its_fields_and_is_clean(visit: Visit) -> None:
    visit.go("/_ui/")
    visit.page.locator("#forms button", has_text="Save").click()
    summary = visit.page.locator("[data-error-summary]")
    expect(summary).to_be_focused()
    summary.get_by_role("link", name="Your decision").click()
    assert visit.page.url.endswith("#id_decision_0")
    expect(visit.page.locator("#id_name")).to_have_attribute("aria-invalid", "true")
    described = visit.page.locator("#id_name").get_attribute("aria-describedby") or ""
    assert all(visit.page.locator(f"[id='{part}']").count() == 1 for part in described.split())
    assert violations(visit.page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_is_wider_than_its_window(visit: Visit, scheme: str) -> None:
    visit.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    for path in PAGES[:4]:
        visit.go(path)
        for width in (320, 360, 390, 560, 640, 768, 896, 1024, 1120, 1280, 1440, 1920):
            visit.page.set_viewport_size({"width": width, "height": 900})
            assert overflow(visit.page) == 0, f"{path} at {width}"


@pytest.mark.parametrize("visit", [PHONE], indirect=True)
def test_targets_are_large_enough_and_the_menu_opens(visit: Visit) -> None:
    visit.go("/_ui/")
    small = visit.page.evaluate(
        "[...document.querySelectorAll('button, .btn, .nav a, select, input:not([type=hidden]), .subnav a, summary')]"
        ".filter(e => e.getClientRects().length && !e.closest('.vh'))"
        ".map(e => [(e.closest('label.check') || e).getBoundingClientRect(), e.outerHTML])"
        ".filter(([b]) => b.width < 24 || b.height < 24).map(([, html]) => html.slice(0, 90))"
    )
    assert small == []
    visit.page.get_by_role("button", name="Menu").click()
    menu = visit.page.locator("#navmenu")
    expect(menu.get_by_role("link", name="Promotions")).to_be_visible()
    assert overflow(visit.page) == 0
    assert violations(visit.page) == []


def test_what_is_seldom_done_opens_and_closes_by_keyboard(visit: Visit) -> None:
    visit.go("/_ui/")
    dots, abort = visit.page.locator("#gallery-more > summary"), visit.page.locator("#gallery-more .menu a").first
    expect(abort).to_be_hidden()
    dots.focus()
    visit.page.keyboard.press("Enter")
    expect(abort).to_be_visible()
    assert violations(visit.page) == []
    visit.page.keyboard.press("Tab")
    expect(abort).to_be_focused()
    visit.page.keyboard.press("Escape")
    expect(abort).to_be_hidden()
    expect(dots).to_be_focused()
    dots.click()
    visit.page.locator("h1").click()
    expect(abort).to_be_hidden()
    dots.click()
    for width in (320, 390, 1440):
        visit.page.set_viewport_size({"width": width, "height": 900})
        box = visit.page.locator("#gallery-more .menu").bounding_box()
        assert box is not None
        assert (box["x"] >= 0, box["x"] + box["width"] <= width) == (True, True), f"{box} at {width}"
        assert overflow(visit.page) == 0


@pytest.mark.parametrize("visit", [NO_SCRIPT], indirect=True)
def test_without_script_everything_is_a_page(visit: Visit) -> None:
    visit.go("/_ui/")
    visit.page.locator("#gallery-more > summary").click()
    expect(visit.page.locator("#gallery-more .menu")).to_be_visible()
    visit.page.locator("#gallery-more > summary").click()
    expect(visit.page.locator("#lat")).to_contain_text("needs JavaScript")
    visit.page.locator("figure[data-plot=lat] summary").click()
    expect(visit.page.locator("figure[data-plot=lat] tbody tr").first).to_be_visible()
    expect(visit.page.locator("[data-copy]").first).to_be_hidden()
    visit.page.locator("a[data-dialog]").first.click()
    expect(visit.page.locator("h1")).to_have_text("Roll back card-fraud-eu")


def test_the_theme_shows_at_once_and_figures_follow(visit: Visit) -> None:
    visit.go("/_ui/")
    draw_figures(visit.page)
    line = visit.page.locator("#lat .scatterlayer path.js-line").first
    before = line.evaluate("e => getComputedStyle(e).stroke")
    visit.page.get_by_role("button", name="Dark theme").first.click()
    expect(visit.page.locator("html")).to_have_attribute("data-theme", "dark")
    visit.page.wait_for_function(
        "was => getComputedStyle(document.querySelector('#lat .scatterlayer path.js-line')).stroke !== was", arg=before
    )
    visit.go("/_ui/")
    expect(visit.page.locator("html")).to_have_attribute("data-theme", "dark")


def test_keys_walk_and_never_decide(visit: Visit) -> None:
    visit.go("/_ui/")
    visit.page.keyboard.press("?")
    expect(visit.page.locator("#shortcuts")).to_be_visible()
    assert violations(visit.page) == []
    visit.page.keyboard.press("Escape")
    expect(visit.page.locator("#shortcuts")).to_be_hidden()  # an open dialog keeps the keys to itself
    visit.page.keyboard.press("j")
    visit.page.keyboard.press("j")
    expect(visit.page.locator(".cursor")).to_have_count(1)
    visit.page.keyboard.press("/")
    expect(visit.page.locator("#q")).to_be_focused()
    visit.page.keyboard.type("?jk")
    expect(visit.page.locator("#q")).to_have_value("?jk")
    visit.page.locator("h1").click()
    visit.page.keyboard.press("c")
    expect(visit.page.locator("#comment")).to_be_focused()


def test_a_form_is_sent_once(visit: Visit) -> None:
    visit.go("/_ui/")
    posts: list[str] = []

    def answer(route: Route) -> None:
        """204 leaves the page where it is, so that the form can be looked at after it was sent."""
        if route.request.method == "POST":
            posts.append(route.request.method)
            route.fulfill(status=204)
        else:
            route.continue_()

    visit.page.route(re.compile(r"/_ui/$"), answer)
    form = visit.page.locator("form:has(#comment)")
    form.evaluate("f => { f.requestSubmit(); f.requestSubmit(); f.requestSubmit(); }")
    visit.page.wait_for_function("document.querySelector('form:has(#comment)').dataset.sent === '1'")
    expect(form.locator("button")).to_have_attribute("aria-disabled", "true")
    assert posts == ["POST"]


def test_copy_says_so(visit: Visit) -> None:
    visit.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visit.go("/_ui/")
    visit.page.get_by_role("button", name="Copy the command").first.click()
    expect(visit.page.locator(".toast")).to_have_text("Copied")
    assert visit.page.evaluate("navigator.clipboard.readText()") == "make run"
