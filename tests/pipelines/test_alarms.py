"""How often slices cry wolf, by simulation with fixed seeds: two equal versions, so that any alarm is a false one."""

import numpy as np
import pytest

from pipelines.evaluation import groups, slices
from pipelines.evaluation.correction import Correction
from pipelines.evaluation.values import Values
from tests.pipelines import simulation
from tests.pipelines.test_slices import decisions

RUNS, ROWS = simulation.runs(400), 1_200
LEVEL = 0.05


def columns(rng: np.random.Generator) -> dict[str, Values]:
    """Two columns whose values and pairs are 14 slices of 120 to 620 rows that overlap."""
    return {"a": rng.integers(0, 4, ROWS), "b": rng.integers(0, 2, ROWS)}


def alarms(correction: Correction) -> tuple[float, float]:
    """The share of runs with an alarm: as a report answers, and by each slice's own p-value."""
    rng, counted = np.random.default_rng(6), np.zeros(2)
    for run in range(RUNS):
        candidates = groups.candidates(columns(rng), slices.FEWEST)
        champion, challenger = decisions(rng, ROWS, 0.2), decisions(rng, ROWS, 0.2)
        found = slices.search(champion, challenger, candidates, seed=run, correction=correction, resamples=50)
        assert found.complete
        worse = [one.answer == "worse" for one in found.results]
        alone = [one.p is not None and one.p <= LEVEL for one in found.results]
        counted += [any(worse), any(alone)]
    return float(counted[0] / RUNS), float(counted[1] / RUNS)


@pytest.mark.slow
def test_the_correction_keeps_the_rate_of_false_alarms_and_none_does_not() -> None:
    corrected, plain = alarms("holm")
    simulation.say("false alarms of a search, corrected", corrected)
    simulation.say("false alarms of a search, uncorrected", plain)
    assert corrected <= LEVEL + 2 * (LEVEL * (1 - LEVEL) / RUNS) ** 0.5
    assert plain > 0.2
