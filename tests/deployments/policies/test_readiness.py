"""The score of the way back: what each part is worth, and what it says."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from deployments.policies import probing, readiness
from deployments.policies.probing import Expected
from deployments.policies.readiness import Drilled, ReadinessFacts
from serving.contract import Served

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
BEST = ReadinessFacts(
    target="v1", status="ready", now=NOW, drill=Drilled(NOW - timedelta(hours=3), True), golden=True, seconds=0.4
)  # fmt: skip


def test_everything_in_place_is_a_hundred_and_one_line_says_so() -> None:
    found = readiness.of(BEST)
    assert (found.score, found.tone) == (100, "ok")
    assert found.words == "Ready, rehearsed 3 hours ago, takes 400 ms"
    assert sum(part.most for part in found.parts) == 100


@pytest.mark.parametrize(
    ("changed", "lost"),
    [
        ({"status": "loading"}, readiness.WARM),
        ({"drill": None}, readiness.DRILL),
        ({"drill": Drilled(NOW, False, "It holds other bytes.")}, readiness.DRILL),
        ({"drill": Drilled(NOW - timedelta(hours=49), True)}, readiness.DRILL // 2),
        ({"drill": Drilled(NOW - timedelta(hours=97), True)}, readiness.DRILL),
        ({"drill": Drilled(NOW - timedelta(hours=49), True), "every": timedelta(hours=48)}, 0),
        ({"drill": None, "serves": True}, 0),
        ({"differences": ("no longer taken: weight",)}, readiness.SIGNATURE),
        ({"golden": False}, readiness.GOLDEN),
        ({"seconds": None}, readiness.TIME),
    ],
)
def test_what_is_missing_costs_its_points(changed: dict[str, object], lost: int) -> None:
    assert readiness.of(replace(BEST, **changed)).score == 100 - lost  # type: ignore[arg-type]


def test_a_cold_target_nobody_rehearsed_is_not_to_be_trusted() -> None:
    found = readiness.of(replace(BEST, status="failed", drill=None, seconds=None))
    assert (found.score, found.tone) == (25, "bad")
    assert found.words == "v1 is failed, not yet rehearsed; how long it takes is not measured yet"


def test_a_failed_drill_says_what_was_wrong() -> None:
    found = readiness.of(replace(BEST, drill=Drilled(NOW, False, "v1 is absent.")))
    assert next(part for part in found.parts if part.code == "drill").words.endswith("v1 is absent.")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"predictions": [0.1 + 0.2, "late"]}, {"predictions": [0.3, "late"]}, True),
        ({"predictions": [0.3]}, {"predictions": [0.3001]}, False),
        ({"predictions": [1]}, {"predictions": [True]}, False),
        ({"predictions": [1, 2]}, {"predictions": [1]}, False),
        ({"a": 1}, {"b": 1}, False),
        (1e12, 1e12 + 1, True),
    ],
)
def test_answers_are_the_same_number_for_number(one: object, other: object, same: bool) -> None:
    assert probing.same(one, other) is same


@pytest.mark.parametrize(
    ("served", "said"),
    [
        (Served(200, "1", "3", {"predictions": [0.5]}, 1.0), ""),
        (Served(200, "2", "4", {"predictions": [0.5]}, 1.0), "v2 does"),
        (Served(200, "1", "2", {"predictions": [0.5]}, 1.0), "as revision r2 instead of r3"),
        (Served(200, "1", "3", {"predictions": [0.6]}, 1.0), "otherwise than when it was warmed"),
        (Served(200, "", "", {}, 1.0), "does not say who"),
        (Served(503, "1", "3", {"detail": "Try again."}, 1.0), "got 503: Try again."),
        (Served(502, "", "", "Bad gateway", 1.0), "got 502."),
    ],
)
def test_what_is_wrong_is_said(served: Served, said: str) -> None:
    found = probing.wrong(Expected(1, 3, {"predictions": [0.5]}), served)
    assert found.endswith(said) if said.endswith(".") else said in found
    assert bool(found) == bool(said)


def test_without_an_answer_on_record_only_who_answers_counts() -> None:
    assert probing.wrong(Expected(1, 3), Served(200, "1", "3", {"anything": 1}, 1.0)) == ""
