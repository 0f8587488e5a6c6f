"""`signalbox rollout` and `signalbox rollback`: what they send, and what they leave to the portal."""

from argparse import ArgumentParser
from typing import Any

import pytest

from deployments.policies import rollback, steering
from tests.client.test_gate import CLIENT

Json = dict[str, Any]
PREVIEW: Json = {
    "ready": True, "why_not": "", "expect_generation": 12,
    "changes": [{"label": "Traffic", "was": "v3 100 %", "now": "v2 100 %", "note": "at once"},
                {"label": "Alias champion", "was": "v3", "now": "v2", "note": ""}],
}  # fmt: skip


class Portal:
    """Keeps what is sent, and answers as the portal does."""

    def __init__(self, preview: Json | None = None) -> None:
        self.sent: list[tuple[str, Json]] = []
        self.preview = preview

    def get(self, path: str) -> Any:
        assert path == "endpoints/production/flight-delay/rollback/", f"{path} is read by nobody but the person"
        return self.preview

    def post(self, path: str, body: Json) -> Any:
        self.sent.append((path, body))
        return {"id": 7, "status": "progressing", "plan": [{"words": "10 %"}] * 8, "step": 3}


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(CLIENT))
    from signalbox_client import rollbacks, rollouts

    return rollouts, rollbacks


def call(module: Any, portal: Portal, *words: str) -> int:
    parser = ArgumentParser()
    module.arguments(parser)
    return int(module.run(portal, parser.parse_args(words)))


def test_the_step_is_the_one_a_person_saw_and_never_read_by_the_command(modules: Any) -> None:
    portal, (rollouts, _) = Portal(), modules
    call(rollouts, portal, "resume", "7", "--step", "4", "--pause", "too_few")
    assert portal.sent == [("rollouts/7/resume/", {"expect_step": 3, "expect_pause": "too_few"})]
    for seen in ((), ("--step", "4"), ("--pause", "too_few"), ("--step", "four", "--pause", "too_few")):
        with pytest.raises(SystemExit):
            call(rollouts, portal, "resume", "7", *seen)


def test_going_on_early_is_no_command_since_no_token_may(modules: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        call(modules[0], Portal(), "advance", "7")
    assert "choose from 'show', 'pause', 'resume', 'abort'" in capsys.readouterr().err


def test_every_reason_of_the_portal_can_be_given(modules: Any) -> None:
    rollouts, rollbacks = modules
    assert set(rollouts.REASONS) == set(steering.ABORT_REASONS)
    assert set(rollbacks.REASONS) == set(rollback.REASONS)


def test_going_back_is_looked_at_first_and_ordered_by_the_table_that_was_seen(
    modules: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    portal, (_, rollbacks) = Portal(PREVIEW), modules
    where = ("--env", "production", "--endpoint", "flight-delay")
    assert call(rollbacks, portal, *where) == 0
    assert capsys.readouterr().out == (
        "Traffic: v3 100 % -> v2 100 % (at once)\nAlias champion: v3 -> v2\nready, from table 12\n"
    )
    assert portal.sent == []
    with pytest.raises(SystemExit):
        call(rollbacks, portal, *where, "--reason", "quality")
    assert "--table is needed" in capsys.readouterr().err
    assert call(rollbacks, portal, *where, "--reason", "quality", "--note", "Late.", "--table", "12") == 0
    order = {"reason_code": "quality", "note": "Late.", "expect_generation": 12}
    assert portal.sent == [("endpoints/production/flight-delay/rollback/", order)]
    assert capsys.readouterr().out == "rollout 7: progressing\n"


def test_what_is_not_possible_says_why(modules: Any, capsys: pytest.CaptureFixture[str]) -> None:
    portal = Portal(PREVIEW | {"ready": False, "why_not": "v2 is being taken back already.", "changes": []})
    assert call(modules[1], portal, "--env", "production", "--endpoint", "flight-delay") == 1
    assert capsys.readouterr().out == "not possible: v2 is being taken back already.\n"
