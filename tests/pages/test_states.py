"""Pages in other states than the example world's: nothing there yet, very much there, MLflow away, no JavaScript."""

import json
import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browsing import sign_in
from tests.pages.crawler import Findings, Visitor
from tests.pages.crowd import LONG_NAME, LONG_REASON, MODELS
from tests.stack import Stack

pytestmark = [pytest.mark.browser]

SECRET = "first-of-all-keys-7"
LISTS = {
    "/": "Four steps to a first promotion",
    "/models/": "No models yet",
    "/promotions/": "No open request",
    "/endpoints/": "No endpoint here",
    "/audit/": "",
    "/settings/people/": "Ada First",
    "/settings/teams/": "No team yet",
    "/me/tokens/": "No token in force",
}
FILL = "from tests.pages import crowd; crowd.fill()"
AGED = """from registry.models import MirrorPass
MirrorPass.objects.update_or_create(pk=1, defaults={"at": "2026-01-31T09:30Z"})"""


def test_from_nothing_to_very_much(browser: Browser, empty_stack: Stack) -> None:
    found = Findings()
    empty_stack.facts["people"] = {"administrator": {"email": "ada@signalbox.example", "password": SECRET}}
    become_administrator(browser, empty_stack, found)
    nothing_yet(browser, empty_stack, found)
    with empty_stack.held("mlflow"):
        empty_stack.people["ml_lead"] = json.loads(inside(empty_stack, FILL).splitlines()[-1])
        inside(empty_stack, AGED)
        very_much(browser, empty_stack, found)
        approved_without_a_script(browser, empty_stack)
    assert found.faults == []


def inside(stack: Stack, code: str) -> str:
    """What Python code prints inside the portal."""
    done = stack.manage("shell", "-v", "0", "-c", code, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def become_administrator(browser: Browser, stack: Stack, found: Findings) -> None:
    """By the one link that is printed, which works once."""
    link = re.search(r"/join/\S+", stack.output)
    assert link, stack.output
    with Visitor(browser, stack, "anonymous", found) as visitor:
        visitor.visit(link.group())
        page = visitor.page
        page.get_by_label("E-mail address").fill(stack.people["administrator"]["email"])
        page.get_by_label("Name", exact=True).fill("Ada First")
        page.get_by_label("Password", exact=True).fill(SECRET)
        page.get_by_label("The same password again").fill(SECRET)
        page.get_by_role("button", name="Join").click()
        page.wait_for_url(lambda address: "/join/" not in address)
        visitor.visit(link.group(), 404)


def nothing_yet(browser: Browser, stack: Stack, found: Findings) -> None:
    with Visitor(browser, stack, "administrator", found) as visitor:
        for path, words in LISTS.items():
            visitor.visit(path)
            expect(visitor.page.locator("main")).to_contain_text(words)


def very_much(browser: Browser, stack: Stack, found: Findings) -> None:
    """All models and requests are reached page by page; what is long breaks no page; MLflow's absence is said."""
    with Visitor(browser, stack, "ml_lead", found) as visitor:
        visitor.visit("/")
        expect(visitor.page.get_by_role("alert")).to_contain_text("MLflow has not been read since 31 Jan 2026, 09:30")
        visitor.visit("/models/")
        assert len(paged(visitor.page, "/models/")) == MODELS + 1
        visitor.visit("/promotions/")
        assert len(paged(visitor.page, "/promotions/")) == MODELS + 1
        for path in (f"/models/{LONG_NAME}/", f"/models/{LONG_NAME}/versions/1/", f"/promotions/{MODELS + 1}/"):
            visitor.visit(path)
            expect(visitor.page.get_by_role("heading", level=1)).to_contain_text(LONG_NAME[:40])
        expect(visitor.page.locator("main")).to_contain_text(LONG_REASON[-120:])


def paged(page: Page, prefix: str) -> set[str]:
    """Addresses of the list's objects, from its first page to its last."""
    objects = re.compile(rf"{prefix}[^/?#]+/$")
    seen: set[str] = set()
    while True:
        links = page.eval_on_selector_all("main tbody a[href]", "all => all.map(a => a.pathname)")
        seen |= {path for path in links if objects.fullmatch(path)}
        onward = page.get_by_role("navigation", name="Pages").locator("a[rel=next]")
        if not onward.count():
            return seen
        before = page.url
        onward.click()
        page.wait_for_url(lambda address, before=before: address != before)  # type: ignore[misc]


def approved_without_a_script(browser: Browser, stack: Stack) -> None:
    """The decision is taken with forms alone."""
    context = browser.new_context(java_script_enabled=False)
    page, person = context.new_page(), stack.people["ml_lead"]
    sign_in(page, stack.url, person)
    page.goto(f"{stack.url}/promotions/1/")
    page.get_by_role("radio", name="Approve").check()
    for box in page.locator("input[name=looked_at]").all():
        box.check()
    page.get_by_role("button", name="Continue").click()
    page.locator("input[type=password]").fill(person["password"])
    page.get_by_role("button", name="Sign and approve").click()
    expect(page.locator("main")).to_contain_text(re.compile(r"Marta Kowalska.{0,40}approved", re.DOTALL))
    expect(page.get_by_role("radio", name="Approve")).to_have_count(0)
    context.close()
