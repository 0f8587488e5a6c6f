"""What came while the champion had all of the traffic by a table of its own is no evidence against the split."""

from dataclasses import replace
from typing import Any

import pytest
from django.db import transaction

from deployments.analysis import arms, guards
from deployments.models import AbRun, Endpoint, Rollout
from deployments.services.rollouts import testing as kept
from portal.core import clock, leases
from registry.models import ModelVersion
from tests import world
from tests.deployments import testing_ab
from tests.deployments.conftest import Line
from tests.deployments.rolling import GUARDS, Rolling, measures, resume

HALF: list[dict[str, Any]] = [
    {"do": "weight", "weight": 5000},
    {"do": "analyse", "guards": GUARDS[:1], "give_up": 3600},
    {"do": "switch"},
]


def read(requests: int, arm: str) -> dict[str, Any]:
    return {"requests": requests, "arms": {arm: requests}, "nameless": {arm: requests}}


def counts(old: int, new: int, table: int, known: arms.Counts | None = None) -> arms.Counts:
    """One look under a table, after those before it."""
    found = dict(known or {})
    for name, requests, arm in (("old", old, "stable"), ("new", new, "canary")):
        found[name] = arms.noted(found.get(name, {}), "e", read(requests, arm), begins=known is None)
    return arms.under(found, table)


def wrong(found: arms.Counts) -> str:
    return guards.split_wrong(arms.of_split(found["old"]), arms.of_split(found["new"]), 5000, 10_000)


def test_the_split_is_counted_anew_under_another_table() -> None:
    known = counts(0, 0, 2)
    known = counts(50, 50, 2, known)
    assert wrong(counts(3050, 50, 2, known))
    again = counts(3050, 50, 4, known)
    assert wrong(again) == ""
    again = counts(3150, 150, 4, again)
    assert (wrong(again), arms.of_split(again["old"]).nameless) == ("", {"stable": 100})
    assert arms.total(again["old"]).requests == 3150, "what each version showed counts as ever"
    assert wrong(counts(4150, 150, 4, again)), "and what goes wrong afterwards is said"


def test_a_process_that_came_meanwhile_counts_from_then_too() -> None:
    known = counts(50, 50, 2, counts(0, 0, 2))
    known["old"] = arms.noted(known["old"], "f", read(3000, "stable"), begins=False)
    assert arms.of_split(arms.under(known, 4)["old"]).nameless == {"stable": 0}
    assert arms.of_split(arms.under(known, 2)["old"]).nameless == {"stable": 3050}


def test_what_was_kept_before_tables_were_noted_goes_on() -> None:
    kept: arms.Counts = {"old": {"e": {"first": read(0, "stable"), "last": read(70, "stable")}}}
    assert arms.of_split(arms.under(kept, 4)["old"]).nameless == {"stable": 70}


def put(rolling: Rolling, old: int, new: int, epoch: str = "1") -> None:
    for version, arm, requests in ((1, "stable", old), (2, "canary", new)):
        one = rolling.revision(version)
        rolling.line.runtime.measured[one] = measures(one, arm, requests=requests, nameless=requests, epoch=epoch)


@pytest.mark.django_db
def test_after_a_runtime_came_back_empty_the_share_goes_on_by_itself(line: Line) -> None:
    rolling, runtime = Rolling(line, HALF).begin(), line.runtime
    rolling.look()
    put(rolling, 50, 50)
    assert (rolling.look(3).status, rolling.share) == ("progressing", 5000)
    runtime.slow.add(str(ModelVersion.objects.get(number=2).digest))
    runtime.loaded.clear()
    runtime.table.clear()
    put(rolling, 0, 0, "2")
    Endpoint.objects.update(next_reconcile_at=clock.now())
    for _ in range(3):
        rolling.look(3)
    assert rolling.share == 0
    put(rolling, 3000, 0, "2")
    rolling.look(30)
    runtime.slow.clear()
    rolling.look(3)
    assert rolling.share == 5000
    for more in (100, 1000):
        put(rolling, 3000 + more, more, "2")
        row = rolling.look(3)
        assert row.pause_why == ""
    assert row.status == "completed", "the guard passed by itself"


@pytest.mark.django_db
def test_who_goes_on_after_a_wrong_split_is_asked_again_only_for_what_comes_then(line: Line) -> None:
    """A version that was away for minutes, for which stable answered."""
    rolling = Rolling(line, [{"do": "weight", "weight": 1000}, *HALF[1:]]).begin()
    rolling.look()
    old = rolling.revision(1)
    put(rolling, 900, 100)
    rolling.look(3)

    def answered(stable: int, instead: int, canary: int) -> None:
        put(rolling, stable, canary)
        found = rolling.line.runtime.measured[old]
        arms_ = {"stable": stable - instead, "canary": instead}
        rolling.line.runtime.measured[old] = replace(found, arms=arms_, nameless=arms_)

    answered(21_900, 1900, 200)
    row = rolling.look(3)
    assert (row.status, row.pause_code) == ("paused", "mismatch")
    resume(actor=world.actor(line.marta), number=row.pk)
    answered(22_350, 1900, 250)
    row = rolling.look(3)
    assert (row.status, row.pause_code) == ("progressing", "")
    answered(42_350, 3900, 250)
    assert rolling.look(3).pause_code == "mismatch"


@pytest.fixture
def tested(line: Line) -> Rolling:
    """An A/B test over half of the traffic to which as many units of each version have come."""
    rolling = testing_ab.begun(Rolling(line, testing_ab.STEPS))
    came(rolling, 40, "before")
    assert testing_ab.look(rolling, 3).status == "progressing"
    return rolling


def came(rolling: Rolling, units: int, names: str, arms_: tuple[str, ...] = ("stable", "canary")) -> None:
    for number in range(units):
        for arm in arms_:
            testing_ab.predicted(rolling, arm, f"{names}-{arm}-{number}", 0.8)


def said() -> str:
    return str(AbRun.objects.get().report["units_apart"])


@pytest.mark.django_db
def test_a_test_too_judges_its_split_from_where_its_weight_came_again(tested: Rolling) -> None:
    runtime = tested.line.runtime
    runtime.slow.add(str(ModelVersion.objects.get(number=2).digest))
    runtime.loaded.clear()
    runtime.table.clear()
    Endpoint.objects.update(next_reconcile_at=clock.now())
    for _ in range(3):
        testing_ab.look(tested, 3)
    assert tested.share == 0
    came(tested, 300, "meanwhile", ("stable",))
    testing_ab.look(tested, 30)
    runtime.slow.clear()
    row = testing_ab.look(tested, 3)
    assert (row.status, tested.share, said()) == ("progressing", 5000, "")
    testing_ab.look(tested, 3)
    came(tested, 20, "meanwhile", ("canary",))
    came(tested, 20, "meanwhile", ("stable",))
    assert (testing_ab.look(tested, 3).pause_why, said()) == ("", ""), "a unit that has asked before counts too"
    assert AbRun.objects.get().report["arms"]["stable"]["units"] == 340, "what each version answered counts as ever"
    came(tested, 160, "after", ("stable",))
    row = testing_ab.look(tested, 3)
    assert (row.status, row.pause_code) == ("paused", "mismatch")
    assert row.pause_why.startswith("10.0\u202f% of 200 units came to the new arm where 50.0\u202f% should.")


@pytest.mark.django_db
def test_who_goes_on_over_units_apart_is_asked_again_only_for_what_comes_then(tested: Rolling) -> None:
    came(tested, 90, "apart", ("stable",))
    row = testing_ab.look(tested, 3)
    assert (row.pause_code, "came to the new arm" in said()) == ("mismatch", True)
    resume(actor=world.actor(tested.line.marta), number=row.pk)
    came(tested, 30, "anew")
    row = testing_ab.look(tested, 3)
    assert (row.status, said()) == ("progressing", "")
    came(tested, 90, "again", ("stable",))
    assert testing_ab.look(tested, 3).pause_code == "mismatch"


@pytest.mark.django_db
def test_what_a_person_goes_on_over_stands_while_a_look_is_under_way(tested: Rolling) -> None:
    came(tested, 90, "apart", ("stable",))
    row = testing_ab.look(tested, 3)
    before = AbRun.objects.get()
    with transaction.atomic():
        kept.accepted(row)
    Rollout.objects.update(next_reconcile_at=clock.now())
    lease = leases.claim(Rollout, row.pk)
    assert lease is not None
    kept.note_test(lease, before, before.report)
    assert said() == ""
