"""The endpoint's page in a browser while a rollout moves under it: nothing typed is lost, and only steps are spoken."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections
from playwright.sync_api import Browser, Page, expect

from tests.browsing import Complaints, launched, sign_in
from tests.callers import PASSWORD, with_password
from tests.deployments.conftest import Line
from tests.deployments.rolling import Rolling

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PAGE = "/endpoints/production/flight-delay/"
SOME: dict[str, Any] = {"requests": 90, "slow": 2}
TYPED = '{"dataframe_records": [{"carrier": "typed by hand"}]}'
SPOKEN = """() => {
    window.spoken = [];
    const heard = document.getElementById('announce');
    const note = () => window.spoken.push(heard.textContent);
    new MutationObserver(note).observe(heard, { childList: true, characterData: true, subtree: true });
}"""


@pytest.fixture
def rolling(line: Line, live_server: Any) -> Rolling:
    """A tenth of the traffic at version 2, before the browser's own loop keeps this thread from the database."""
    found = Rolling(line).begin()
    found.answered({"requests": 810, "slow": 16}, SOME)
    found.look(2)
    with_password(line.marta)
    return found


@pytest.fixture
def chromium(rolling: Rolling) -> Iterator[Browser]:
    with launched() as running:
        yield running


@pytest.fixture
def page(chromium: Browser, rolling: Rolling, live_server: Any) -> Iterator[Page]:
    """The endpoint's page as an ML lead has it open; whatever it complains about fails the test."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    heard, opened = Complaints(context), context.new_page()
    sign_in(opened, live_server.url, {"email": rolling.line.marta.email, "password": PASSWORD})
    opened.goto(f"{live_server.url}{PAGE}")
    yield opened
    assert heard.lines == []


def apart(act: Callable[[], Any]) -> Any:
    """In a thread of its own, which may ask the database."""

    def run() -> Any:
        try:
            return act()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result()


def answered(rolling: Rolling, new: int, seconds: float) -> None:
    """So many good answers of version 2 in all, nine times as many of version 1, and a worker comes by."""
    rolling.answered({"requests": 9 * new, "slow": 9 * new // 50}, {"requests": new, "slow": new // 50})
    rolling.look(seconds)


def test_what_was_typed_stays_while_the_rollout_goes_on_and_only_the_step_is_announced(
    page: Page, rolling: Rolling
) -> None:
    page.evaluate(SPOKEN)
    page.get_by_text("The same call with curl").click()
    page.locator("#rollback summary").last.click()
    body = page.get_by_label("Request body")
    body.fill(TYPED)
    body.evaluate("field => field.setSelectionRange(5, 9)")

    apart(lambda: answered(rolling, 100, 2))
    expect(page.locator("#guards")).to_contain_text("100 requests to the new version so far")
    assert page.evaluate("window.spoken") == []

    apart(lambda: answered(rolling, 18_000, 5))
    expect(page.locator("#weights")).to_contain_text("v1 50 %, v2 50 %")
    expect(page.locator("[aria-current=step] .st")).to_have_text("50 %")
    assert page.evaluate("window.spoken") == ["Rolling out, step 3 of 4: v1 50 %, v2 50 %"]
    expect(body).to_be_focused()
    assert body.input_value() == TYPED
    assert body.evaluate("field => [field.selectionStart, field.selectionEnd]") == [5, 9]
    assert page.locator("#try details.disclosure").first.evaluate("e => e.open")
    assert page.locator("#rollback details").last.evaluate("e => e.open")

    with page.expect_response(lambda answer: answer.url.endswith("/live/")) as polled:
        pass
    assert polled.value.status == 304


def test_the_rollback_dialog_begins_at_the_reasons_and_enter_in_its_note_is_a_new_line(
    page: Page, rolling: Rolling
) -> None:
    page.get_by_role("link", name="Roll back to v1").first.click()
    dialog = page.locator("#page-dialog")
    expect(dialog.get_by_role("radio").first).to_be_focused()
    page.keyboard.press("Space")
    expect(dialog.get_by_role("radio", name="Wrong decisions")).to_be_checked()
    note = dialog.get_by_label("Note")
    note.press_sequentially("Too many alarms")
    note.press("Enter")
    note.press_sequentially("since noon")
    expect(note).to_have_value("Too many alarms\nsince noon")
    expect(dialog).to_be_visible()
    assert apart(lambda: rolling.row.status) == "progressing"
    dialog.get_by_role("button", name="Roll back to v1").click()
    expect(page.locator("#h-traffic ~ .end")).to_contain_text("Returning to stable")
