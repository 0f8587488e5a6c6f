"""The editor of plans in a browser: with script it stays on its page, without it does the same by sending the form."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browsing import Complaints, launched, overflow, sign_in, violations
from tests.callers import PASSWORD, with_password
from tests.deployments.conftest import Line

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
Opened = Callable[[bool], Page]


@pytest.fixture
def person(line: Line, live_server: Any) -> dict[str, str]:
    """Marta, before the browser's own loop keeps this thread from the database."""
    return {"email": with_password(line.marta).email, "password": PASSWORD}


@pytest.fixture
def chromium(person: dict[str, str]) -> Iterator[Browser]:
    with launched() as running:
        yield running


@pytest.fixture
def editor(chromium: Browser, person: dict[str, str], live_server: Any) -> Iterator[Opened]:
    """The editor of a new plan; whatever the page complained about fails the test."""
    heard: list[Complaints] = []

    def opened(script: bool) -> Page:
        context = chromium.new_context(java_script_enabled=script, viewport={"width": 1440, "height": 900})
        heard.append(Complaints(context))
        page = context.new_page()
        sign_in(page, live_server.url, person)
        page.goto(f"{live_server.url}/plans/new/?from=blue-green")
        return page

    yield opened
    assert [line for one in heard for line in one.lines if "422" not in line] == []


def _steps(page: Page) -> list[str]:
    return page.locator("fieldset.step-box > legend").all_inner_texts()


def _write(page: Page) -> None:
    """A weight before the switch, a longer hold, and a name; wrong at first, and said so at the field."""
    page.get_by_label("Another step").select_option("weight")
    page.get_by_role("button", name="Add step").click()
    expect(page.locator("fieldset.step-box > legend").first).to_have_text("1. Set weight")
    assert _steps(page) == ["1. Set weight", "2. Switch", "3. Hold"]
    page.get_by_label("Weight (%)").fill("250")
    page.get_by_role("textbox", name="Name").fill("browser-made")
    page.get_by_role("button", name="Save plan").click()
    expect(page.locator("#id_s0-weight_error")).to_contain_text("up to 100 %")
    page.get_by_label("Weight (%)").fill("25")
    page.locator("#step-2").get_by_label("For").fill("20 min")


def test_without_script_a_plan_is_written_by_sending_the_form(editor: Opened) -> None:
    page = editor(False)
    _write(page)
    page.get_by_role("button", name="Work out the time").last.click()
    expect(page.locator("#times")).to_contain_text("20 min")
    page.get_by_role("button", name="Save plan").click()
    page.wait_for_url("**/plans/browser-made/")
    found = page.request.get(page.url.replace("/plans/browser-made/", "/api/v1/plans/")).json()["results"]
    assert next(plan["body"]["steps"] for plan in found if plan["name"] == "browser-made") == [
        {"do": "weight", "weight": 2500}, {"do": "switch"}, {"do": "hold", "seconds": 1200},
    ]  # fmt: skip


def test_with_script_the_time_follows_what_is_typed_and_the_focus_the_step(editor: Opened) -> None:
    page = editor(True)
    _write(page)
    rate = page.get_by_label("or requests a second")
    rate.fill("4")
    rate.press("Tab")
    expect(page.locator("#times")).to_contain_text("at 4 requests a second")
    expect(page.locator("#times")).to_contain_text("20 min")
    assert page.get_by_label("Weight (%)").input_value() == "25"
    page.get_by_role("button", name="Down step 1").click()
    expect(page.locator("#step-1")).to_be_focused()
    assert _steps(page) == ["1. Switch", "2. Set weight", "3. Hold"]
    assert page.get_by_label("Weight (%)").input_value() == "25"
    expect(page.locator("#times")).to_contain_text("Step 2: comes after the switch")
    page.get_by_role("button", name="Remove step 2").click()
    expect(page.locator("fieldset.step-box")).to_have_count(2)
    assert page.get_by_role("textbox", name="Name").input_value() == "browser-made"
    assert violations(page) == []
    page.set_viewport_size({"width": 320, "height": 800})
    assert overflow(page) == 0
