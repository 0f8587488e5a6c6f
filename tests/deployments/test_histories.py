"""Finished rollouts, replayed through today's planner: it decides at every look as it did then.

A release is put in while rollouts are under way, so what comes next for one must not change unawares. A change that is
meant is recorded with `python -m tests.deployments.histories`.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from deployments.engine import ready_made
from deployments.engine.planner import Command, Snapshot, decide
from deployments.engine.steps import Load, Switch, Warm
from tests.deployments import histories
from tests.deployments.conftest import Line
from tests.deployments.histories.recording import SCENARIOS, record

MEANT = "If this is meant, record them anew: python -m tests.deployments.histories"


@pytest.mark.parametrize("name", histories.names())
def test_todays_planner_decides_as_it_did(name: str) -> None:
    changed = histories.changes(name, histories.read(name))
    assert not changed, "\n".join([*changed, MEANT])


def test_there_is_one_of_every_plan_and_every_command() -> None:
    assert set(histories.names()) == set(SCENARIOS) >= set(ready_made.PLANS)
    chosen = {look.chose.do for name in histories.names() for look in histories.read(name)}
    assert chosen == set(get_args(get_type_hints(Command)["do"]))


def test_a_changed_decision_is_told_with_its_history_look_and_difference() -> None:
    def hasty(seen: Snapshot) -> Command:
        """Judges nothing."""
        command = decide(seen)
        return replace(command, do="next") if command.do == "pause" and command.code == "inconclusive" else command

    told = histories.changes("inconclusive", histories.read("inconclusive"), hasty)
    looks = histories.read("inconclusive")
    at = [number for number, look in enumerate(looks, 1) if look.chose.code == "inconclusive"]
    assert told == [
        f"inconclusive, look {number} of {len(looks)} (progressing, step 3): do was 'pause', is 'next'" for number in at
    ]
    assert len(told) == 2


def test_what_older_code_wrote_is_read_with_todays_defaults() -> None:
    """The first planner had no plans, measures or probes: its rollout switched at once, and today's does so too."""
    looks = histories.read("older/first-portal")
    assert looks[0].saw.plan == (Load(), Warm(), Switch())
    assert [decide(look.saw).do for look in looks] == [look.chose.do for look in looks]


def test_a_field_that_is_gone_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(histories, "FOLDER", tmp_path)
    (tmp_path / "gone.json").write_text(json.dumps({"looks": [{"saw": {"weather": "fair"}}]}))
    with pytest.raises(ValueError, match=r"^gone, look 1: .*'weather'"):
        histories.read("gone")


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["abort"])
def test_what_is_recorded_today_goes_the_same_way(line: Line, name: str) -> None:
    """The recorder still does what the files hold; times differ."""
    way = [(look.saw.status, look.saw.step, look.chose.do) for look in histories.read(name)]
    assert [(look.saw.status, look.saw.step, look.chose.do) for look in record(line, name)] == way
