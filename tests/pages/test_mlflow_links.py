"""The links that MLflow's client prints lead to the pages here, signed in or not, and others lead nowhere else."""

import pytest
from playwright.sync_api import Browser, expect

from tests.pages.crawler import Findings, Visitor
from tests.stack import Stack

pytestmark = [pytest.mark.browser]
MODEL = "/models/flight-delay/"
LINKS = {
    "/#/models/flight-delay": MODEL,
    "/#/models/flight-delay/versions/1": f"{MODEL}versions/1/",
    "/#/models/flight-delay/versions/1?tab=artifacts": f"{MODEL}versions/1/",
}


def run_of(visitor: Visitor) -> str:
    """The page of the run that made version 1."""
    visitor.page.goto(f"{visitor.stack.url}{MODEL}versions/1/")
    return str(visitor.page.locator("a[href^='/runs/']").first.get_attribute("href"))


@pytest.mark.timeout(900)
def test_links_lead_to_pages_here(browser: Browser, stack: Stack) -> None:
    found = Findings()
    with Visitor(browser, stack, "data_scientist", found) as visitor:
        page, run = visitor.page, run_of(visitor)
        number = run.strip("/").rsplit("/", 1)[1]
        runs = {f"/#/experiments/1/runs/{number}": run, f"/#/experiments/1/runs/{number}/artifacts": run}
        for link, wanted in (LINKS | runs).items():
            page.goto("about:blank")
            page.goto(f"{stack.url}{link}")
            page.wait_for_url(f"{stack.url}{wanted}")
        for link in ("/#/experiments/1", "/#/models/", "/#//evil.example/", "/#main"):
            page.goto("about:blank")
            page.goto(f"{stack.url}{link}")
            expect(page.get_by_role("heading", level=1)).to_be_visible()
            assert page.url == f"{stack.url}{link}"
    with Visitor(browser, stack, "anonymous", found) as visitor:
        visitor.page.goto(f"{stack.url}/#/models/flight-delay/versions/1")
        visitor.page.wait_for_url("**/accounts/login/?next=**versions**")
    assert found.faults == []
