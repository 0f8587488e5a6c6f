"""Slices: who is in them, and what is said of them. How often they cry wolf is in test_alarms.py."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.evaluation import groups, slices
from pipelines.evaluation.correction import adjusted, benjamini_yekutieli, holm
from pipelines.evaluation.groups import Between, Both, Is, Slice
from pipelines.evaluation.measures import Cells, Measure, mean
from pipelines.evaluation.values import Undefined, Values, Vector, Whole
from tests.pipelines.examples import bounded, number, reason, seeds

COLUMNS: dict[str, Values] = {
    "airport": np.array(["JFK", "EWR", None, "JFK", "LGA"], dtype=object),
    "delay": [1.0, 5.0, 9.0, None, 3.0],
    "mixed": [1, "a", 2, "b", None],
}


def chosen(declared: groups.Declared) -> list[int]:
    return [int(row) for row in number(groups.select(declared, COLUMNS)).rows]


def decisions(rng: np.random.Generator, rows: int, wrong: float | Vector) -> Measure:
    """A version that is right but for a share of the rows."""
    right = (rng.random(rows) >= wrong).astype(np.int64)
    return Cells("accuracy", "higher", right, 2, lambda c: c[:, 1] / c.sum(axis=1), "There are no rows.")


def test_declared_slices_hold_the_rows_they_say() -> None:
    assert chosen(Is("airport", "JFK")) == [0, 3]
    assert chosen(Is("airport", None)) == [2]
    assert chosen(Is("mixed", "a")) == [1]
    assert chosen(Between("delay", 1.0, 5.0)) == [0, 4]
    assert chosen(Between("delay", low=3.0)) == [1, 2, 4]
    assert chosen(Both(Is("airport", "JFK"), Between("delay", high=2.0))) == [0]
    assert number(groups.select(Both(Is("airport", None), Between("delay", 3, 10)), COLUMNS)).name == (
        "airport is missing and 3 <= delay < 10"
    )


def test_slices_that_cannot_be_told_say_why() -> None:
    assert reason(groups.select(Is("country", "PT"), COLUMNS)) == "The data has no column country."
    assert "not numbers" in reason(groups.select(Between("mixed", 1), COLUMNS))
    assert "not numbers" in reason(groups.select(Both(Is("airport", "JFK"), Between("mixed", 1)), COLUMNS))


@bounded
@given(seeds, st.integers(30, 300), st.integers(1, 40))
def test_found_slices_are_all_that_are_large_enough_and_say_something(seed: int, rows: int, fewest: int) -> None:
    rng = np.random.default_rng(seed)
    drawn = {"a": rng.integers(0, 3, rows), "b": rng.choice(["x", "y"], rows)}
    columns: dict[str, Values] = {**drawn}
    found = {one.name: one.rows.tolist() for one in groups.candidates(columns, fewest)}
    single = {f"{name} = {value}": column == value for name, column in drawn.items() for value in set(column)}
    expected = {name: mask for name, mask in single.items() if fewest <= mask.sum() < rows}
    for first in [name for name in single if name.startswith("a")]:
        for second in [name for name in single if name.startswith("b")]:
            both = single[first] & single[second]
            if fewest <= both.sum() < min(single[first].sum(), single[second].sum()):
                expected[f"{first} and {second}"] = both
    assert found == {name: np.flatnonzero(mask).tolist() for name, mask in expected.items()}


def test_numbers_are_cut_into_quarters_and_rare_values_into_none() -> None:
    many = groups.levels("x", np.arange(100.0))
    assert np.bincount(many.codes).tolist() == [25, 25, 25, 25]
    assert many.names[0] == "x < 24.75"
    rare = groups.levels("name", [f"n{row // 3}" if row < 90 else f"r{row}" for row in range(100)] + [None])
    assert (len(rare.names), int((rare.codes == groups.NO_LEVEL).sum())) == (21, 100 - 60)
    assert rare.names[rare.codes[-1]] == "name is missing"
    assert set(groups.levels("mixed", COLUMNS["mixed"]).names) >= {"mixed = 1", "mixed = a", "mixed is missing"}


def test_a_version_that_is_better_on_the_whole_but_worse_at_one_airport_is_found() -> None:
    rng = np.random.default_rng(1)
    airport = rng.choice(["JFK", "EWR", "LGA", "BOS"], 8_000)
    carrier = rng.choice(["AA", "UA", "B6"], 8_000)
    champion = decisions(rng, 8_000, 0.25)
    challenger = decisions(rng, 8_000, np.where(airport == "LGA", 0.40, 0.15))
    assert number(challenger.value()) > number(champion.value())
    columns: dict[str, Values] = {"airport": airport, "carrier": carrier}
    found = slices.search(champion, challenger, groups.candidates(columns, 100), seed=1)
    worse = [one for one in found.results if one.answer == "worse"]
    assert worse[0].name == "airport = LGA"
    assert all("LGA" in one.name for one in worse)
    assert {number(one.difference).reading for one in worse} == {"worse"}
    assert (found.looked_at, found.complete) == (4 + 3 + 12, True)
    declared = [number(groups.select(Is("airport", name), columns)) for name in ("JFK", "LGA")]
    answers = slices.judge(champion, challenger, declared, seed=1, correction="benjamini-yekutieli")
    assert [one.answer for one in answers] == ["not worse", "worse"]
    assert [one.n for one in answers] == [len(one.rows) for one in declared]


def test_a_margin_forgives_small_losses() -> None:
    rng = np.random.default_rng(2)
    loss = np.abs(rng.normal(size=4_000))
    champion, challenger = mean("mae", "lower", loss), mean("mae", "lower", loss + 0.05 + 0.1 * rng.normal(size=4_000))
    whole = [Slice("all", np.arange(4_000))]
    assert slices.judge(champion, challenger, whole, seed=1)[0].answer == "worse"
    assert slices.judge(champion, challenger, whole, seed=1, margin=0.1)[0].answer == "not worse"


def test_too_few_rows_is_an_answer_of_its_own() -> None:
    rng = np.random.default_rng(3)
    champion, challenger = decisions(rng, 500, 0.0), decisions(rng, 500, 1.0)
    small, empty, large = Slice("small", np.arange(99)), Slice("empty", np.arange(0)), Slice("large", np.arange(100))
    found = slices.judge(champion, challenger, [small, empty, large], seed=1)
    assert [one.answer for one in found] == ["too few rows", "too few rows", "worse"]
    assert found[0].reason == "99 rows are too few; 100 are needed."
    assert isinstance(found[0].difference, Undefined)
    assert found[0].adjusted is None
    undefined = Cells(
        "recall", "higher", np.zeros(500, dtype=np.int64), 2, lambda c: c[:, 1] / c[:, 1], "No row is positive."
    )
    unknown = slices.judge(undefined, undefined, [large], seed=1)[0]
    assert (unknown.answer, unknown.reason) == ("too few rows", "No row is positive.")


def test_a_search_is_bounded_and_says_so() -> None:
    rng = np.random.default_rng(4)
    champion, challenger = decisions(rng, 2_000, 0.2), decisions(rng, 2_000, 0.2)
    columns: dict[str, Values] = {"a": rng.integers(0, 4, 2_000), "b": rng.integers(0, 4, 2_000)}
    found = slices.search(champion, challenger, groups.candidates(columns, 50), seed=1, most=6, shown=3)
    assert (found.looked_at, found.complete, len(found.results)) == (6, False, 3)
    everything = slices.search(champion, challenger, groups.candidates(columns, 50), seed=1, shown=100)
    assert [one.adjusted for one in everything.results] == sorted(one.adjusted or 0.0 for one in everything.results)
    assert everything == slices.search(champion, challenger, groups.candidates(columns, 50), seed=1, shown=100)


def test_corrections_by_hand() -> None:
    p = np.array([0.04, 0.01, 0.03])
    assert holm(p) == pytest.approx([0.06, 0.03, 0.06])
    assert benjamini_yekutieli(p) == pytest.approx(np.array([0.04, 0.03, 0.04]) * 11 / 6)
    assert holm(np.array([0.9, 0.8])).tolist() == [1.0, 1.0]
    assert adjusted(np.zeros(0), "holm").size == adjusted(np.zeros(0), "benjamini-yekutieli").size == 0


@bounded
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.floats(0.001, 0.5))
def test_corrections_reject_what_their_stepwise_rules_reject(values: list[float], level: float) -> None:
    p = np.array(values)
    rejected: Whole = np.zeros(p.size, dtype=np.int64)
    for step, place in enumerate(np.argsort(p, kind="stable")):
        if p[place] * (p.size - step) > level:
            break
        rejected[place] = 1
    assert (holm(p) <= level).astype(int).tolist() == rejected.tolist()
    penalty, ordered = np.sum(1 / np.arange(1, p.size + 1)), np.sort(p)
    kept = [k for k in range(1, p.size + 1) if ordered[k - 1] * p.size * penalty / k <= level]
    assert int((benjamini_yekutieli(p) <= level).sum()) == (max(kept) if kept else 0)
