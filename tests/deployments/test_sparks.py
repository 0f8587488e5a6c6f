"""The small figures of an endpoint's page: their scale, the labels of rollout steps, and values that stand alone."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from deployments import sparks
from deployments.sparks import Mark, Series, Spark, Unit
from portal.ui import svg

BEGIN = datetime(2026, 11, 30, 3, tzinfo=UTC)
TIMES = [BEGIN + timedelta(minutes=n) for n in range(60)]
END = TIMES[-1]
MS, PERCENT = Unit(" ms"), Unit(" %", 100.0)


def figure(*values: float | None, marks: tuple[Mark, ...] = (), unit: Unit = MS) -> Spark:
    held = (*values, *[None] * (60 - len(values)))
    return sparks.spark("latency", "p95 latency", TIMES, [Series("v2", "champ", held)], marks, unit, "nothing")


def labels(*minutes_and_words: tuple[float, str]) -> list[tuple[str, bool]]:
    marks = [Mark(BEGIN + timedelta(minutes=at), f"v3 {words}", words) for at, words in minutes_and_words]
    return [(flag.label, flag.before) for flag in sparks.flags(marks, BEGIN, END)]


@pytest.mark.parametrize(
    ("highest", "unit", "top", "middle"),
    [
        (29.1, Unit("/s"), "30/s", "15/s"),
        (331.0, Unit(" ms"), "400 ms", "200 ms"),
        (0.0367, PERCENT, "4 %", "2 %"),
        (0.00695, PERCENT, "0.8 %", "0.4 %"),
        (0.3, PERCENT, "30 %", "15 %"),
        (11_500.0, Unit("/s"), "15\u202f000/s", "7\u202f500/s"),
        (0.0, Unit("/s"), "", ""),
    ],
)
def test_the_scale_ends_at_a_round_number_above_all_values(highest: float, unit: Unit, top: str, middle: str) -> None:
    found = figure(0.0, highest, unit=unit)
    assert (found.top, found.middle) == (top, middle)


def test_the_scale_covers_its_values_and_is_not_twice_as_high() -> None:
    for exponent in range(-6, 7):
        for step in range(10, 100):
            value = step / 10 * 10.0**exponent
            assert value * (1 - 1e-9) <= svg.ceiling(value) <= value * 1.6


def test_one_reading_is_a_dot_and_two_are_a_line() -> None:
    ((_, line, dots),) = figure(None, 120.0, None).lines
    assert (line, dots.count("M"), dots.count("h0")) == ("", 1, 1)
    ((_, line, dots),) = figure(None, 120.0, 130.0, None, 90.0).lines
    assert (line.count("M"), line.count("L"), dots.count("h0")) == (1, 1, 1)


def test_a_small_line_of_one_value_lies_in_the_middle() -> None:
    assert svg.spark_paths([None, 84.0, None], width=100, height=20) == ("", "M50.0,10.0h0")
    assert svg.spark_paths([None, None]) == ("", "")


def test_a_step_is_labelled_behind_its_line() -> None:
    assert labels((10, "5 %"), (30, "25 %")) == [("5 %", False), ("25 %", False)]


def test_the_newest_step_is_labelled_before_its_line_where_the_figure_ends() -> None:
    assert labels((10, "5 %"), (58, "25 %")) == [("5 %", False), ("25 %", True)]


def test_steps_close_to_each_other_leave_the_label_to_the_newest() -> None:
    assert labels((28, "5 %"), (29, "25 %"), (30, "50 %")) == [("", False), ("", False), ("50 %", False)]


def test_no_two_labels_touch_and_none_leaves_the_figure() -> None:
    for first in range(0, 60, 2):
        for second in range(first, 60, 2):
            marks = [Mark(BEGIN + timedelta(minutes=at), "v3", "25 %") for at in (first, second, 59)]
            room = []
            for flag in sparks.flags(marks, BEGIN, END):
                wide = 100 * (len(flag.label) * sparks.LETTER + sparks.GAP) / sparks.NARROWEST
                room += [(flag.at - wide, flag.at) if flag.before else (flag.at, flag.at + wide)] if flag.label else []
            assert all(low >= -0.02 and high <= 100.02 for low, high in room)
            assert all(high <= low + 0.02 for (_, high), (low, _) in pairwise(room))


def test_marks_outside_of_the_time_shown_are_left_out_and_the_table_says_what_moved() -> None:
    early, seen = (Mark(BEGIN + timedelta(minutes=at), f"v3 {at} %", f"{at} %") for at in (-5, 10))
    found = figure(*[80.0] * 20, marks=(early, seen))
    assert [flag.words for flag in found.flags] == ["v3 10 %"]
    assert [row[-1] for row in found.table.rows if row[-1].startswith("v3")] == ["v3 10 %"]


def test_a_figure_over_more_than_a_day_names_the_day_it_begins() -> None:
    times = [BEGIN + timedelta(hours=n) for n in range(0, 48, 12)]
    over = sparks.spark("x", "x", times, [Series("v2", "champ", (1.0, 2.0, 3.0, 4.0))], (), Unit("/s"), "")
    assert (over.begin, over.end) == ("30 Nov 2026, 03:00", "15:00 UTC")
    assert (figure(1.0).begin, figure(1.0).end) == ("03:00", "03:59 UTC")
