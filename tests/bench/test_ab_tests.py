"""The simulation of A/B tests: its sums are those of its values, and its tables and curves say what was found."""

import numpy as np
import pytest

from bench.ab_tests import drawing, simulate
from bench.ab_tests.cases import ALIKE, EFFECTS, Result
from bench.ab_tests.world import World, _sums


def test_sums_by_look_are_those_of_the_values_known_by_then() -> None:
    random = np.random.default_rng(5)
    unit = np.sort(random.integers(0, 12, 60))
    arm, values, known = random.integers(0, 2, 12), random.normal(3, 2, 60), random.integers(0, 9, 60)
    found = _sums(8, arm, unit, values, known)
    for look in range(8):
        for side in (0, 1):
            here = [values[(unit == one) & (known <= look)] for one in range(12) if arm[one] == side]
            pairs = [(len(some), some.sum()) for some in here if len(some)]
            meant = [len(pairs), sum(n for n, _ in pairs), sum(y for _, y in pairs), sum(y * y for _, y in pairs),
                     sum(n * y for n, y in pairs), sum(n * n for n, _ in pairs),
                     sum((some**2).sum() for some in here)]  # fmt: skip
            assert found[look, side] == pytest.approx(meant)


def test_results_become_tables_and_curves() -> None:
    tiny = World(units=600, a_look=6)
    found = [Result(case, simulate.many(tiny, case.effect, case.metric, 4)) for case in (*ALIKE, *EFFECTS)]
    assert drawing.false_alarms(found).count("\n") == len(ALIKE) + 1
    assert drawing.effects(found).count("\n") == len(EFFECTS) + 1
    assert drawing.svg(found).count("<polyline") == 2 + len(drawing.CURVES)
    assert found[0].by_look("peeking") == sorted(found[0].by_look("peeking"))
