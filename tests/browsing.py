"""Chromium for tests of pages: launched once, with everything a page complains about written down."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
AXE_RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
ON_COLOURS = """ours => axe.getRules(['cat.color'])
    .filter(rule => rule.tags.some(tag => ours.includes(tag))).map(rule => rule.ruleId)"""
QUIET = ["--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]


def program() -> str:
    """The browser on the path; `make test` installs one."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    assert found, "There is no Chromium on the path. Run tools/bootstrap-browser."
    return found


@contextmanager
def launched() -> Iterator[Browser]:
    """A headless browser; as root it cannot use its own sandbox."""
    arguments = [*QUIET, "--no-sandbox"] if os.geteuid() == 0 else QUIET
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program(), args=arguments)
        yield browser
        browser.close()


def sign_in(page: Page, url: str, person: Mapping[str, str]) -> None:
    """By the form, with the password; ends wherever the portal leads to."""
    page.goto(f"{url}/accounts/login/")
    page.fill("input[name=login]", person["email"])
    page.fill("input[name=password]", person["password"])
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(lambda address: not address.endswith("/accounts/login/"))


class Complaints:
    """What the console, the content security policy and failed requests say about a context's pages."""

    def __init__(self, context: BrowserContext) -> None:
        self.lines: list[str] = []
        context.on("console", lambda m: self.lines.append(_said(m)) if m.type == "error" else None)
        context.on("weberror", lambda e: self.lines.append(f"script: {e.error}"))
        context.on("request", lambda r: self.lines.append(f"CSP report: {r.post_data}") if "/_csp/" in r.url else None)
        context.add_init_script(
            "document.addEventListener('securitypolicyviolation', (e) => "
            "console.error(`CSP: ${e.violatedDirective} blocked ${e.blockedURI}`))"
        )


def _said(message: ConsoleMessage) -> str:
    """What the console says, with the address it is about."""
    return f"{message.type}: {message.text} {message.location.get('url', '')}".rstrip()


def violations(page: Page, only_colours: bool = False) -> list[str]:
    """What axe finds: rule, node and reason, one line each; of all its rules, or of those that look at colours."""
    if page.evaluate("typeof window.axe") == "undefined":
        page.evaluate(AXE_SCRIPT)
    rules = dict(AXE_RULES)
    if only_colours:
        rules["runOnly"] = page.evaluate(ON_COLOURS, AXE_RULES["runOnly"])
    found: list[dict[str, Any]] = page.evaluate(f"axe.run({json.dumps(rules)}).then(found => found.violations)")
    return [
        f"{rule['id']}: {node['target']} {node['failureSummary'].splitlines()[-1].strip()}"
        for rule in found
        for node in rule["nodes"]
    ]


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def draw_figures(page: Page) -> None:
    """Figures are drawn when they come near; a page is judged with all of them drawn."""
    for figure in page.locator("figure[data-plot]").all():
        figure.scroll_into_view_if_needed()
        expect(figure).to_have_attribute("data-done", "1", timeout=20_000)
        expect(figure.locator("svg.main-svg").first).to_be_visible()
