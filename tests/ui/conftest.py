"""The gallery served on loopback, without a database, and a browser to look at it."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.test import override_settings
from django.test.testcases import LiveServerThread
from playwright.sync_api import Browser, Page

from tests.browsing import Complaints, launched


@dataclass
class Visit:
    """One page in one context of its own, and what it complained about."""

    page: Page
    complaints: list[str]
    url: str

    def go(self, path: str) -> None:
        self.page.goto(self.url + path)


@pytest.fixture(scope="module")
def gallery_url() -> Iterator[str]:
    with override_settings(ROOT_URLCONF="tests.ui.urls", ALLOWED_HOSTS=["*"]):
        server = LiveServerThread("127.0.0.1", StaticFilesHandler)
        server.daemon = True
        server.start()
        server.is_ready.wait()
        if server.error:
            raise server.error
        yield f"http://127.0.0.1:{server.port}"
        server.terminate()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as running:
        yield running


@pytest.fixture
def visit(browser: Browser, gallery_url: str, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """A page; mark a test with `indirect` parameters of the browser context, such as `color_scheme`."""
    context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **getattr(request, "param", {})})
    complaints = Complaints(context)
    yield Visit(context.new_page(), complaints.lines, gallery_url)
    context.close()
