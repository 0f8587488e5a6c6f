"""Chromium for tests of pages: launched once a module, with everything a page complains about written down."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
AXE_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def program() -> str:
    """The browser on the path; `make test` installs one."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    assert found, "There is no Chromium on the path. Run tools/bootstrap-browser."
    return found


@contextmanager
def launched() -> Iterator[Browser]:
    """A headless browser; as root it cannot use its own sandbox."""
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program(), args=arguments)
        yield browser
        browser.close()


class Complaints:
    """What the console, the content security policy and failed requests say about a context's pages."""

    def __init__(self, context: BrowserContext) -> None:
        self.lines: list[str] = []
        context.on("console", lambda m: self.lines.append(f"{m.type}: {m.text}") if m.type == "error" else None)
        context.on("weberror", lambda e: self.lines.append(f"script: {e.error}"))
        context.on("request", lambda r: self.lines.append(f"CSP report: {r.post_data}") if "/_csp/" in r.url else None)
        context.add_init_script(
            "document.addEventListener('securitypolicyviolation', (e) => "
            "console.error(`CSP: ${e.violatedDirective} blocked ${e.blockedURI}`))"
        )


def violations(page: Page) -> list[str]:
    """What axe finds: rule, node and reason, one line each."""
    found: list[dict[str, Any]] = Axe().run(page, options=AXE_RULES).response["violations"]
    return [
        f"{rule['id']}: {node['target']} {node['failureSummary'].splitlines()[-1].strip()}"
        for rule in found
        for node in rule["nodes"]
    ]


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))
