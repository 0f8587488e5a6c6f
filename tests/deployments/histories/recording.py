"""Rollouts carried out as in the other tests, with an ear at the planner.

Run by `python -m tests.deployments.histories`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from math import ceil

import pytest

from deployments.engine import ready_made
from deployments.engine.planner import BLIND, Command, Snapshot, decide
from deployments.models import Revision, Rollout
from deployments.reconcilers import rollouts as reconciler
from deployments.services import rollouts
from registry.models import ModelVersion
from serving.contract import Measures
from tests import world
from tests.deployments import histories, lives
from tests.deployments.conftest import Line
from tests.deployments.histories import Look
from tests.deployments.rolling import Rolling, measures, resume
from tests.deployments.testing_ab import units

Scenario = Callable[[Line], Rolling]
TRAFFIC = 400_000
MOST_DOUBT = 1000
ASKED = ("person", "decide")


@contextmanager
def heard() -> Iterator[dict[str, list[Look]]]:
    """What the planner is shown and what it chooses, by the revision that a rollout is about."""
    found: dict[str, list[Look]] = {}

    def listening(shown: Snapshot) -> Command:
        seen = to_seconds(shown)
        command = decide(seen)
        found.setdefault(seen.target, []).append(Look(seen, command))
        return command

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reconciler, "decide", listening)
        yield found


def to_seconds(seen: Snapshot) -> Snapshot:
    """Times in whole seconds: a step may still have lasted one more in another recording."""
    return replace(
        seen,
        at_step=float(int(seen.at_step)),
        paused_for=float(int(seen.paused_for)),
        away_for=float(int(seen.away_for)),
        watch=replace(seen.watch, unread=float(ceil(seen.watch.unread))),
        probed=replace(seen.probed, doubted=float(min(int(seen.probed.doubted), MOST_DOUBT))),
    )


def of_plan(name: str) -> Scenario:
    def scenario(line: Line) -> Rolling:
        return to_its_end(begun(line, ready_made.PLANS[name]["steps"]))

    return scenario


def begun(line: Line, steps: list[dict[str, object]]) -> Rolling:
    rolling = Rolling(line, steps).prepare()
    lives.approved(rolling)
    lives.come_by()
    return rolling


def to_its_end(rolling: Rolling) -> Rolling:
    """Both versions answer alike, whatever is waited for comes, and people say go on wherever they are asked."""
    for _ in range(80):
        row = rolling.row
        if row.ended_at is not None:
            return rolling
        if row.status == "paused" and row.pause_code in ASKED:
            resume(actor=world.actor(rolling.line.marta), number=row.pk)
        serve(rolling)
        answer(rolling)
        lives.passes(61)
        lives.come_by()
    raise AssertionError("no end")


def serve(rolling: Rolling, errors: int = 0, total: int = TRAFFIC) -> None:
    """More answers by both versions, by the share of each."""
    share = rolling.share
    for version, arm, part in ((1, "stable", 10_000 - share), (2, "canary", share)):
        rid = rolling.revision(version)
        before = rolling.line.runtime.measured.get(rid)
        requests = (before.requests if before else 0) + total * part // 10_000
        wrong = (before.errors if before else 0) + (errors if arm == "canary" else 0)
        found: Measures = measures(rid, arm, requests=requests, slow=requests // 50, errors=wrong)
        rolling.line.runtime.measured[rid] = found


def answer(rolling: Rolling) -> None:
    """The shadow has what it waits for, and so has the A/B test: its answer is clear."""
    for _, comparison in rolling.line.runtime.shadows.values():
        for _ in range(2000):
            comparison.answer([0.2], [0.3], {}, 5.0, 7.0)
    step = rolling.row.plan[rolling.row.step]
    if step["do"] == "ab_test" and rolling.row.status == "progressing":
        units(rolling, "stable", 210, right=2)
        units(rolling, "canary", 210, right=8)


def first(line: Line) -> Rolling:
    """Nothing served before."""
    line.promote(1)
    return Rolling(line)


def first_aborted(line: Line) -> Rolling:
    """Nothing served before, no probe sees it, and a person takes it back."""
    line.runtime.astray = "another"
    line.promote(1)
    rolling = Rolling(line, begun=True)
    rollouts.abort(actor=world.actor(line.marta), number=rolling.row.pk, reason_code="quality")
    lives.come_by()
    return rolling


def abort(line: Line) -> Rolling:
    """A person takes it back at a quarter of the traffic."""
    rolling = begun(line, ready_made.PLANS["canary"]["steps"])
    while rolling.share < 2500:
        serve(rolling)
        lives.passes(61)
        lives.come_by()
    rollouts.abort(actor=world.actor(line.marta), number=rolling.row.pk, reason_code="quality")
    return to_its_end(rolling)


def supersede(line: Line) -> Rolling:
    """A newer request takes its place."""
    rolling = begun(line, ready_made.PLANS["canary"]["steps"])
    lives.superseded(rolling)
    lives.come_by()
    return rolling


def rollback(line: Line) -> Rolling:
    """All of the traffic back to the former champion: the rollout of version 1 that comes after that of version 2."""
    rolling = begun(line, ready_made.PLANS["at-once"]["steps"])
    lives.roll_back(rolling)
    lives.come_by()
    return rolling


def stopped(line: Line) -> Rolling:
    """It answers with errors."""
    rolling = begun(line, ready_made.PLANS["canary"]["steps"])
    serve(rolling, errors=4000)
    return to_its_end(rolling)


def inconclusive(line: Line) -> Rolling:
    """Too few requests to judge by; a person lets it wait again, and takes it back in the end."""
    rolling = begun(line, lives.JUDGED)
    serve(rolling, total=300)
    for _ in range(2):
        lives.passes(601)
        lives.come_by()
        assert rolling.row.pause_code == "inconclusive"
        resume(actor=world.actor(line.marta), number=rolling.row.pk)
        lives.come_by()
    rollouts.abort(actor=world.actor(line.marta), number=rolling.row.pk, reason_code="quality")
    return to_its_end(rolling)


def unmeasured(line: Line) -> Rolling:
    """Nothing can be measured, and nobody decides for a day."""
    rolling = begun(line, lives.JUDGED)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(line.runtime), "measures", lambda *_: ())
        for _ in range(2):
            lives.passes(61)
            lives.come_by()
        assert rolling.row.pause_code == "unmeasured"
        rolling.wait_paused(BLIND + 60)
    return to_its_end(rolling)


def unproven(line: Line) -> Rolling:
    """The gateway reaches the former champion whatever its table says, until it does not."""
    rolling = Rolling(line, ready_made.PLANS["at-once"]["steps"]).prepare()
    line.runtime.astray = rolling.revision(1)
    lives.approved(rolling)
    lives.come_by()
    row = rolling.row
    assert row.probe is not None
    Rollout.objects.filter(pk=row.pk).update(probe=row.probe | {"since": "2026-01-01T00:00:00+00:00"})
    lives.passes(5)
    lives.come_by()
    assert rolling.row.pause_code == "unproven"
    line.runtime.astray = ""
    return to_its_end(rolling)


def not_loaded(line: Line) -> Rolling:
    """The runtime had begun before that was written down; then the version does not load."""
    rolling = Rolling(line, ready_made.PLANS["blue-green"]["steps"]).prepare()
    digest = str(ModelVersion.objects.get(number=2).digest)
    line.runtime.slow.add(digest)
    lives.approved(rolling)
    line.runtime.ensure_revision(reconciler.spec_of(Revision.objects.get(version__number=2)))
    lives.come_by()
    line.runtime.slow.clear()
    line.runtime.broken.add(digest)
    return to_its_end(rolling)


SCENARIOS: dict[str, Scenario] = {
    **{name: of_plan(name) for name in ready_made.PLANS},
    "first": first, "first-aborted": first_aborted, "abort": abort, "supersede": supersede, "rollback": rollback,
    "stopped": stopped, "inconclusive": inconclusive, "unmeasured": unmeasured, "unproven": unproven,
    "not-loaded": not_loaded,
}  # fmt: skip


def record(line: Line, name: str) -> list[Look]:
    """The looks at the rollout that the history is named after."""
    with heard() as found:
        rolling = SCENARIOS[name](line)
    about = rolling.revision(1 if name in ("first", "first-aborted", "rollback") else 2)
    looks = found[about]
    if name == "rollback":
        looks = [look for look in looks if look.saw.former is not None]
    assert looks[-1].chose == Command("done")
    return looks


@pytest.mark.django_db
@pytest.mark.parametrize("name", SCENARIOS)
def test_recorded(line: Line, name: str) -> None:
    histories.write(name, record(line, name))
