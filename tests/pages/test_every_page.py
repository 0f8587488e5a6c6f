"""Every page there is, as those who open it: no fault in either theme at any width, every link answered."""

import pytest
from playwright.sync_api import Browser

from tests.pages import data, journeys
from tests.pages.crawler import Findings, Visitor
from tests.pages.routes import NO_PAGE, names, pages
from tests.stack import FIRST_START, Stack

pytestmark = [pytest.mark.browser]

MODEL = "/models/flight-delay/"
ENDPOINT = "/endpoints/production/flight-delay/"
STARTS = {
    "ml_lead": [
        "/",
        "/promotions/3/",
        "/promotions/2/",
        ENDPOINT,
        f"{ENDPOINT}?history=rollbacks",
        "/endpoints/watch/flight-delay/",
        f"{ENDPOINT}?range=24h",
        "/plans/",
        "/plans/canary/?rate=0",
        "/plans/watch-only/edit/",
        "/plans/new/?from=shadow-canary",
        f"{MODEL}compare/?v=2&v=3&diff=0",
        "/models/?q=nothing-of-this-name",
        f"/data-sets/{data.NAME}/versions/2/",
        "/data-sets/?q=nothing-of-this-name",
        "/search/?q=flight",
        "/search/?q=nothing-of-this-name",
    ],
    "data_scientist": ["/", "/promotions/new/", "/promotions/new/?model=flight-delay&version=1&environment=staging"],
    "operator": [
        "/",
        f"{ENDPOINT}rollback/",
        f"{ENDPOINT}rollback/versions/",
        f"{ENDPOINT}release/",
        "/endpoints/new/",
    ],
    "auditor": ["/", "/audit/", "/audit/?q=nothing-of-this-name", "/audit/?outcome=failed", "/audit/exports/"],
    "administrator": ["/", "/environments/production/plan/", "/settings/people/", "/settings/policies/", "/status/"],
    "viewer": ["/", "/accounts/logout/"],
    "anonymous": ["/accounts/login/", "/accounts/password/reset/", "/accounts/password/reset/done/"],
}
REFUSED = {
    "ml_lead": [("/nothing/here/", 404), ("/promotions/999/", 404), ("/settings/people/invite/", 403)],
    "viewer": [("/audit/", 403)],
    "anonymous": [("/nothing/here/", 404)],
}


@pytest.fixture(scope="module")
def findings(browser: Browser, stack: Stack) -> Findings:
    """Everything the visitors found, gathered once for the tests of this module."""
    data.fill(stack)
    found = Findings()
    for role, starts in STARTS.items():
        with Visitor(browser, stack, role, found) as visitor:
            for path, status in REFUSED.get(role, []):
                visitor.visit(path, status)
            for journey in journeys.OF.get(role, []):
                journey(visitor)
            visitor.follow(starts)
    journeys.second_factors(browser, stack, found)
    return found


@pytest.mark.timeout(FIRST_START + 900)
def test_pages_are_clean(findings: Findings) -> None:
    assert findings.faults == []


def test_no_page_is_forgotten(findings: Findings) -> None:
    assert pages() - findings.seen.keys() == set()
    assert NO_PAGE.keys() - names() == set()
