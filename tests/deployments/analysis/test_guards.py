"""The counters of two versions added up over their processes, and each guard on them."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from deployments.analysis import arms, assess, guards, telling
from deployments.analysis.arms import Arm
from deployments.analysis.assess import Rule
from deployments.analysis.guards import Judged
from serving import measures
from serving.contract import LATENCY_EDGES_MS

RULE = Rule(0.02, 0.01, 200)


def reading(requests: int, **more: Any) -> dict[str, Any]:
    return {"requests": requests, "errors": 0, "refused": 0, "latency": [requests, 0], "answers": {"yes": requests},
            "arms": {"canary": requests}, "peak_memory": 10, **more}  # fmt: skip


def test_only_what_came_since_the_first_look_counts() -> None:
    epochs = arms.noted({}, "a", reading(1000), begins=True)
    assert arms.total(epochs).requests == 0
    epochs = arms.noted(epochs, "a", reading(1300, errors=3), begins=False)
    found = arms.total(epochs)
    assert (found.requests, found.errors, found.latency, found.answers) == (300, 3, (300, 0), {"yes": 300})
    assert found.came == {"canary": 300}


def test_who_named_no_unit_is_told_by_arm_and_what_an_older_process_says_is_still_read() -> None:
    epochs = arms.noted({}, "a", reading(100, nameless=40), begins=True)
    epochs = arms.noted(epochs, "a", reading(130, nameless=60), begins=False)
    epochs = arms.noted(epochs, "b", reading(9, nameless={"canary": 5}, units={"7": 4}), begins=False)
    found = arms.total(epochs)
    assert (found.nameless, found.units, found.units_failed) == ({"": 20, "canary": 5}, {"7": 4}, {})


def test_a_process_that_began_anew_counts_from_nothing() -> None:
    epochs = arms.noted({}, "a", reading(1000), begins=True)
    epochs = arms.noted(epochs, "a", reading(1100), begins=False)
    epochs = arms.noted(epochs, "b", reading(50, peak_memory=99), begins=False)
    assert arms.total(epochs).requests == 150
    assert arms.total(epochs).peak_memory == 99


@pytest.mark.parametrize(
    "bad",
    [
        {"requests": 10},
        {"errors": -1},
        {"latency": [1, 2, 3]},
        {"answers": {"yes": 1}},
        {"peak_memory": float("nan")},
        {"errors": True},
    ],
)
def test_counters_that_fall_or_are_none_are_refused(bad: dict[str, Any]) -> None:
    epochs = arms.noted({}, "a", reading(100, errors=5), begins=True)
    with pytest.raises(ValueError, match=r"fell|no count|changed"):
        arms.noted(epochs, "a", reading(100, errors=5) | bad, begins=False)


def bucket(milliseconds: float) -> int:
    return bisect_right(LATENCY_EDGES_MS, milliseconds) - 1


def arm(requests: int, *, errors: int = 0, slow: int = 0, late: float = 0.3, memory: int = 100) -> Arm:
    answered = requests - errors
    latency = [0] * (len(LATENCY_EDGES_MS) - 1)
    latency[bucket(9.0)], latency[bucket(55.0)] = answered - slow, slow
    yes = round(answered * late)
    return Arm(requests, errors, 0, tuple(latency), {"late": yes, "in time": answered - yes}, {}, memory)


def judged(measure: str, limit: float, old: Arm, new: Arm, fewest: int = 200) -> Judged:
    return guards.judge(measure, replace(RULE, limit=limit, fewest=fewest), old, new, LATENCY_EDGES_MS)


@pytest.mark.parametrize(
    ("measure", "limit", "good", "bad"),
    [
        ("errors", 0.02, arm(2000), arm(2000, errors=160)),
        ("p95", 2.0, arm(2000), arm(2000, slow=400)),
        ("p99", 2.0, arm(2000), arm(2000, slow=400)),
        ("answers", 0.1, arm(2000), arm(2000, late=0.7)),
        ("memory", 2.0, arm(2000), arm(2000, memory=900)),
    ],
)
def test_each_guard_tells_good_from_bad_and_says_when_it_cannot(
    measure: str, limit: float, good: Arm, bad: Arm
) -> None:
    old = arm(18_000)
    assert judged(measure, limit, old, good).verdict.answer == "passing"
    assert judged(measure, limit, old, bad).verdict.answer == "failing"
    assert judged(measure, limit, old, arm(20)).verdict.answer == "inconclusive"
    assert judged(measure, limit, Arm(), Arm()).verdict.answer == "inconclusive"
    assert judged(measure, limit, old, Arm()).verdict.answer == "inconclusive"


def test_what_is_below_notice_counts_as_equal() -> None:
    quick, quicker = [0] * (len(LATENCY_EDGES_MS) - 1), [0] * (len(LATENCY_EDGES_MS) - 1)
    quick[bucket(4.2)], quicker[bucket(0.3)] = 2000, 2000
    found = judged("p95", 1.5, Arm(2000, latency=tuple(quicker)), Arm(2000, latency=tuple(quick)))
    assert found.verdict.answer == "passing"


@pytest.mark.parametrize("new", [Arm(10, errors=20), Arm(300, latency=(1, 2, 3)), Arm(300, errors=-1)])
def test_counts_that_make_no_sense_are_an_error_and_never_passing(new: Arm) -> None:
    for measure in ("errors", "p95"):
        found = judged(measure, 2.0 if measure == "p95" else 0.02, arm(1000), new)
        assert found.verdict.answer in ("error", "inconclusive")
    assert judged("nonsense", 1.0, arm(10), arm(10)).verdict.answer == "error"


def test_an_exception_in_judging_is_an_error_and_leaves_its_traceback(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(assess, "rate", {}.__getitem__)
    found = judged("errors", 0.02, arm(1000), arm(1000))
    assert found.verdict.answer == "error"
    assert telling.sentence(found) == "Error rate: it could not be judged: TypeError"
    assert "Traceback" in caplog.text


def test_a_model_without_countable_answers_is_not_judged_by_them() -> None:
    for answers in ({}, {"other": 5000}):
        old, new = (replace(one, answers=answers) for one in (arm(5000), arm(5000)))
        found = judged("answers", 0.1, old, new).verdict
        assert (found.answer, "neither classes nor numbers" in found.reason) == ("error", True)
        assert judged("answers", 0.1, old, replace(new, errors=5000)).verdict.answer != "error", "nothing was answered"


def test_rows_of_one_request_are_no_evidence_of_their_own() -> None:
    """As a process of before counts them: every row."""
    old = Arm(19, answers={"late": 5700, "in time": 13_300})
    for late in (800, 300):
        found = judged("answers", 0.1, old, Arm(1, answers={"late": late, "in time": 1000 - late}))
        assert (found.verdict.answer, found.verdict.n) == ("inconclusive", 1), late
    thousand = Arm(1000, answers={"late": 300_000, "in time": 700_000})
    assert judged("answers", 0.1, thousand, thousand).verdict.n == guards.rests_on("answers", thousand) == 1000


def answering(values: Iterable[float]) -> Arm:
    """An arm as the data plane counts it."""
    counts = Counter(map(measures.label_of, values))
    return replace(arm(counts.total()), answers=dict(counts))


@pytest.mark.parametrize(
    ("canary", "answer"),
    [
        (lambda value: value, "passing"),
        (lambda value: 10 * value, "failing"),
        (lambda value: 1.5 * value, "failing"),
        (lambda value: -value, "failing"),
        (lambda _: 99_999.0, "failing"),
        (lambda _: 0.5, "failing"),
    ],
)
def test_numbers_that_are_no_scores_are_compared(canary: Callable[[float], float], answer: str) -> None:
    minutes = [float(value) for value in np.random.default_rng(7).gamma(4.0, 5.0, 20_000)]
    found = judged("answers", 0.1, answering(minutes), answering(map(canary, minutes[:8000])))
    assert found.verdict.answer == answer


@pytest.mark.parametrize(
    ("old", "new", "answer"),
    [
        (Arm(9000), Arm(0, refused=1000), "failing"),
        (Arm(9000, refused=900), Arm(1000, refused=100), "inconclusive"),
        (Arm(9000), Arm(970, refused=30), "inconclusive"),
        (Arm(90), Arm(0, refused=10), "inconclusive"),
    ],
)
def test_a_version_that_refuses_what_the_champion_takes(old: Arm, new: Arm, answer: str) -> None:
    found = guards.refusals(old, new)
    assert found.verdict.answer == answer
    assert telling.sentence(found).startswith("Refused requests +")


@pytest.mark.parametrize(("canary", "wrong"), [(1000, False), (1060, False), (2500, True), (0, True)])
def test_a_split_that_cannot_be_chance(canary: int, wrong: bool) -> None:
    old, new = Arm(nameless={"stable": 9000}), Arm(nameless={"canary": canary})
    assert bool(guards.split_wrong(old, new, 1000, 10_000)) == wrong


def test_only_requests_that_named_no_unit_are_evidence_of_the_split() -> None:
    """One unit's requests all go to one version. Twenty thousand units by Zipf are paused by chance if they count."""
    old, new = (Arm(9000, came={"stable": 9000}), Arm(4000, came={"canary": 4000}))
    assert guards.split_wrong(old, new, 1000, 10_000) == ""
    older = replace(old, nameless={"": 9000}), replace(new, nameless={"": 4000})
    assert guards.split_wrong(*older, 1000, 10_000) == "", "an older process does not say under which arm"


def test_what_died_may_have_named_no_unit() -> None:
    old, new = Arm(nameless={"stable": 900}), Arm(nameless={"canary": 40})
    assert guards.split_wrong(old, new, 1000, 10_000)
    assert guards.split_wrong(old, replace(new, reasons={"revision_broke": 60}), 1000, 10_000) == ""
    assert guards.split_wrong(old, replace(new, reasons={"busy": 60}), 1000, 10_000)
    assert guards.split_wrong(Arm(nameless={"stable": 500}), Arm(nameless={"canary": 200}), 1000, 10_000)
    broke = Arm(nameless={"stable": 500}, reasons={"revision_broke": 1300})
    assert guards.split_wrong(broke, Arm(nameless={"canary": 200}), 1000, 10_000) == ""


def test_what_stable_answers_for_a_canary_that_is_full_came_to_the_canary() -> None:
    old = Arm(9900, came={"stable": 9500, "canary": 400}, nameless={"stable": 9500, "canary": 400})
    new = Arm(100, came={"canary": 100}, nameless={"canary": 100})
    assert guards.split_wrong(old, new, 500, 10_000) == ""
    assert guards.diverted(old, new).startswith(
        "Stable answered 80\u202f% of the new version's share (400 of 500 requests)"
    )
    assert guards.diverted(old, replace(new, refused=5000)) == "", "what it refused it answered itself"
    assert guards.diverted(Arm(came={"canary": 3}), Arm()) == "", "too few"
    assert guards.diverted(Arm(came={"canary": 20}), Arm(came={"canary": 180})) == ""


def by_unit(arm: Arm, *, failed: dict[str, int] | None = None, refused: dict[str, int] | None = None) -> Arm:
    """The arm's requests spread over 57 cells, but what failed or was refused in the cells that are told."""
    wrong = Counter(failed or {}) + Counter(refused or {})
    rest = arm.requests + arm.refused - wrong.total()
    even = Counter({f"{cell}": rest // 57 for cell in range(57)})
    return replace(arm, units=dict(even + wrong), units_failed=failed or {}, units_refused=refused or {})


ONE, TWO, THREE = {"60": 300}, {"60": 300, "61": 300}, {"60": 300, "61": 300, "62": 300}
SPREAD = {f"{cell}": 10 for cell in range(30)}


@pytest.mark.parametrize(
    ("cells", "answer", "said"),
    [
        (ONE, "inconclusive", "All of these 300 may be one caller's, so a person must look"),
        (TWO, "inconclusive", "All of these 600 may be two callers', so a person must look"),
        ({**TWO, "5": 4}, "inconclusive", "All but 4 of these 604 may be two callers', so a person must look"),
        (THREE, "failing", ""),
        (SPREAD, "failing", ""),
        ({**SPREAD, "60": 200}, "failing", ""),
    ],
)
def test_failures_of_one_or_two_callers_ask_a_person(cells: dict[str, int], answer: str, said: str) -> None:
    many = sum(cells.values())
    failing = by_unit(Arm(5000, errors=many), failed=cells)
    refusing = by_unit(Arm(5000 - many, refused=many), refused=cells)
    for found in (judged("errors", 0.02, arm(45_000), failing), guards.refusals(arm(45_000), refusing)):
        assert (found.verdict.answer, found.few) == (answer, said), found.measure
        assert telling.sentence(found).endswith(said or "requests")
        assert telling.missing(found) == said


def test_a_caller_is_spared_only_where_others_were_seen() -> None:
    """With few callers, and for what failed without a unit, the version answers for it as ever."""
    failing = by_unit(Arm(5000, errors=300), failed=ONE)
    three = replace(failing, units={"1": 2000, "2": 2700, "60": 300})
    for one in (three, replace(failing, units_failed={}), replace(failing, units={}, units_failed={})):
        assert judged("errors", 0.02, arm(45_000), one).verdict.answer == "failing"
    nameless = replace(three, requests=15_000, errors=800, nameless={"canary": 10_000})
    assert judged("errors", 0.02, arm(45_000), nameless).verdict.answer == "failing", "500 of them are nobody's"
    alone = replace(three, requests=15_000, errors=800, nameless={"canary": 10_000}, units_failed={"60": 800},
                    units={"1": 2000, "2": 2200, "60": 800})  # fmt: skip
    assert judged("errors", 0.02, arm(45_000), alone).verdict.answer == "inconclusive"


def test_without_traffic_no_split_is_wrong() -> None:
    assert guards.split_wrong(Arm(), Arm(), 1000, 10_000) == ""


def test_a_verdict_in_words() -> None:
    failing = judged("errors", 0.02, arm(18_000), arm(2000, errors=160))
    assert telling.sentence(failing).startswith("Error rate +8.00 pp [+")
    assert telling.sentence(failing).endswith("limit +2.00 pp, after 2\u202f000 requests")
    assert telling.missing(failing) == ""
    waiting = judged("errors", 0.02, arm(900), arm(100))
    assert telling.missing(waiting).startswith("about ")
    assert telling.amount("errors", -0.0007) == "−0.07 pp"
    assert telling.amount("p95", float("inf")) == "∞"
    assert telling.sentence(judged("errors", 0.02, Arm(), Arm())) == "Error rate: no data yet"


@pytest.mark.parametrize(("amount", "said"), [(0.2, 1), (42, 42), (100, 100), (3541, 3600), (98_765, 99_000)])
def test_what_is_needed_is_said_to_two_digits(amount: float, said: int) -> None:
    assert telling.rounded(amount) == said


def test_what_most_of_the_errors_were_is_in_the_sentence() -> None:
    """One kind of error says more of a new version than its number of errors."""
    epochs = arms.noted({}, "a", reading(300, errors=30, reasons={"answer_not_finite": 28, "busy": 2}), begins=False)
    epochs = arms.noted(epochs, "b", reading(200, errors=20, reasons={"answer_not_finite": 20}), begins=False)
    found = arms.total(epochs)
    assert found.reasons == {"answer_not_finite": 48, "busy": 2}
    judged = guards.judge("errors", RULE, Arm(requests=500), found, LATENCY_EDGES_MS)
    said = telling.sentence(judged)
    assert said.startswith("Error rate +10.00 pp [")
    assert said.endswith("after 500 requests, 48 of which failed because it answered NaN or infinity")


def test_a_code_without_words_is_named_and_no_error_is_not_mentioned() -> None:
    odd = guards.judge("errors", RULE, Arm(requests=500), Arm(requests=500, errors=1, reasons={"odd": 1}), ())
    assert telling.sentence(odd).endswith("1 of which failed because of odd")
    none = guards.judge("errors", RULE, Arm(requests=500), Arm(requests=500), ())
    assert telling.sentence(none).endswith("after 500 requests")


@pytest.mark.parametrize(
    ("per_second", "said"),
    [
        (0.0, "; no traffic now"),
        (100.0, ", under 1 min"),
        (15.0, ", 4 min"),
        (14.0, ", 4 min"),
        (0.5, ", 2 h"),
        (0.01, ", 4.2 d"),
    ],
)
def test_the_time_that_is_still_needed_follows_the_traffic(per_second: float, said: str) -> None:
    assert telling.time(3600, per_second) == said


def test_each_guard_says_on_how_many_it_rests() -> None:
    """Requests that were not answered have no latency and count in no share of answers."""
    found = arm(1240, errors=40)
    said = {
        one: telling.based(one, guards.rests_on(one, found)) for one in ("errors", "p95", "p99", "answers", "memory")
    }
    assert said == {
        "errors": "1\u202f240 requests", "p95": "1\u202f200 answers", "p99": "1\u202f200 answers",
        "answers": "1\u202f200 answers", "memory": "1\u202f240 requests",
    }  # fmt: skip
    assert (telling.based("errors", 1), telling.based("p95", None)) == ("1 request", "")
    for one in ("errors", "p95", "answers", "memory"):
        assert guards.rests_on(one, found) == judged(one, 2.0, arm(500), found).verdict.n, one
    refusing = replace(found, refused=60)
    assert guards.rests_on("refusals", refusing) == guards.refusals(arm(500), refusing).verdict.n == 1300
    assert telling.based("refusals", 1300) == "1\u202f300 requests"
