"""A slice whose own interval lies beyond the limit, but that passes once all slices are allowed for, says so."""

import pytest

from registry.evaluations.results import Direction, SliceResult
from registry.reports.rows import SliceRow


def row(low: float, high: float, answer: str, margin: float = 0.0, direction: Direction = "higher") -> SliceRow:
    middle = (low + high) / 2
    found = SliceResult("origin = JFK", "declared", 900, middle, low, high, 0.03, 0.2, answer, "")  # type: ignore[arg-type]
    return SliceRow(found, direction, margin)


@pytest.mark.parametrize(
    ("low", "high", "answer", "margin", "direction", "said"),
    [
        (-0.05, -0.01, "not worse", 0.0, "higher", True),
        (-0.05, -0.01, "not worse", 0.02, "higher", False),
        (-0.05, -0.03, "not worse", 0.02, "higher", True),
        (-0.05, 0.01, "not worse", 0.0, "higher", False),
        (-0.05, -0.01, "worse", 0.0, "higher", False),
        (0.01, 0.05, "not worse", 0.0, "lower", True),
        (0.01, 0.05, "not worse", 0.0, "higher", False),
    ],
)
def test_only_alone(low: float, high: float, answer: str, margin: float, direction: Direction, said: bool) -> None:
    assert row(low, high, answer, margin, direction).only_alone is said
