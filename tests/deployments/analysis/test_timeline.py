"""What came between readings of counters: restarts, replicas, gaps and nonsense."""

from datetime import UTC, datetime, timedelta

import pytest

from deployments.analysis import timeline
from deployments.analysis.timeline import Count, Span

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
EDGES = (0.0, 10.0, 20.0, float("inf"))


def count(minute: float, requests: int, errors: int = 0, epoch: str = "a", **latency: int) -> Count:
    held = {int(place[1:]): value for place, value in latency.items()}
    return Count(epoch, NOON + minute * MINUTE, requests, errors, held)


def rises(*counts: Count) -> list[tuple[float, int, int]]:
    return [(span.seconds, span.requests, span.errors) for _, span in timeline.spans(counts)]


def test_the_first_reading_is_what_the_others_start_from() -> None:
    assert rises(count(0, 1000)) == []
    assert rises(count(1, 1060, 3), count(0, 1000)) == [(60.0, 60, 3)]


def test_a_process_that_began_anew_counts_from_nothing() -> None:
    assert rises(count(0, 1000), count(1, 40, epoch="b"), count(2, 100, epoch="b")) == [(60.0, 40, 0), (60.0, 60, 0)]


def test_replicas_read_at_once_add_up_over_one_time() -> None:
    found = rises(count(0, 10), count(0, 20, epoch="b"), count(1, 40), count(1, 80, epoch="b"))
    assert found == [(60.0, 90, 0)]


def test_a_long_time_without_readings_stays_unknown() -> None:
    assert rises(count(0, 10), count(3.5, 900), count(4.5, 960)) == [(60.0, 60, 0)]


def test_a_counter_that_fell_counts_as_nothing() -> None:
    assert rises(count(0, 100), count(1, 90)) == [(60.0, 0, 0)]
    assert rises(count(0, 100, b1=5), count(1, 120, b1=4)) == [(60.0, 0, 0)]


def test_quantiles_lie_inside_their_bucket() -> None:
    span = Span(60, 100, 0, {0: 50, 1: 50})
    assert span.quantile(0.5, EDGES) == 10.0
    assert span.quantile(0.75, EDGES) == 15.0
    assert Span(60, 4, 0, {2: 4}).quantile(0.5, EDGES) == 20.0
    assert Span(60, 4).quantile(0.5, EDGES) is None


def test_rates_of_a_time_nobody_looked_at_are_unknown_and_those_of_a_quiet_one_are_nothing() -> None:
    assert (Span().rate, Span().error_rate) == (None, None)
    assert (Span(60).rate, Span(60).error_rate) == (0.0, None)
    assert (Span(60, 120, 6).rate, Span(60, 120, 6).error_rate) == (2.0, 0.05)


def test_bins_take_what_was_seen_in_them_and_leave_the_rest_unknown() -> None:
    seen = timeline.spans([count(0, 0), count(1, 60), count(2, 180), count(9, 999)])
    held = timeline.bins(seen, NOON + 4 * MINUTE, 2 * MINUTE, 3)
    assert [span.requests for span in held] == [0, 180, 0]
    assert [span.rate for span in held] == [None, 1.5, None]
    assert timeline.total(seen, NOON + MINUTE).requests == 120


@pytest.mark.parametrize("minute", [0.0, 4.0, 4.001])
def test_what_lies_at_the_edge_falls_into_one_bin_at_most(minute: float) -> None:
    held = timeline.bins([(NOON + minute * MINUTE, Span(60, 1))], NOON + 4 * MINUTE, MINUTE, 4)
    assert sum(span.requests for span in held) == (1 if minute == 4.0 else 0)
