"""The mathematics of an evaluation against the loop that people write: scikit-learn on each resample."""

import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics

from bench.catalogue import benchmark
from bench.ground import Portal
from bench.measure import Effort, Estimate, estimate
from bench.results import Row, without_interval
from pipelines.evaluation import classification, resample

Array = NDArray[Any]
ROWS, RESAMPLES, LOOPED = 1_000_000, 1_000, 3
MIB = 1024**2


@benchmark(
    "evaluation",
    f"two versions on {ROWS:,} rows with {RESAMPLES:,} resamples, against a loop over scikit-learn",
    portal=False,
)
def measure(portal: Portal, effort: Effort) -> Iterator[Row]:
    labels, champion, challenger = rows(effort.evaluated)
    sides = [classification.measures(classification.read(labels, scores)) for scores in (champion, challenger)]
    began = time.perf_counter()
    resample.paired(sides[0], sides[1], seed=1, resamples=RESAMPLES)
    ours = time.perf_counter() - began
    loops = [_loop(labels, champion, challenger, seed) for seed in range(LOOPED)]
    each = estimate(loops)
    theirs = Estimate(*(RESAMPLES * value for value in (each.value, each.low, each.high)))
    note = f"{effort.evaluated:,} rows; theirs is {LOOPED} resamples, scaled; ours adds the jackknife of BCa"
    yield Row("evaluation.seconds", without_interval(ours), theirs, "s", note=note)
    yield Row("evaluation.memory", without_interval(_memory(effort.evaluated)), None, "MiB",
              note="peak of a process that does nothing else, rows and libraries included")  # fmt: skip


def rows(count: int) -> tuple[Array, Array, Array]:
    """Labels and the scores of two versions."""
    random = np.random.default_rng(7)
    signal = random.normal(size=count)
    labels = (random.random(count) < 1 / (1 + np.exp(-signal))).astype(np.int64)
    scores = [1 / (1 + np.exp(-(signal + random.normal(scale=noise, size=count)))) for noise in (1.0, 0.9)]
    return labels, scores[0], scores[1]


def _loop(labels: Array, champion: Array, challenger: Array, seed: int) -> float:
    """Seconds for one resample of both, with the same metrics."""
    began = time.perf_counter()
    drawn = np.random.default_rng(seed).integers(0, labels.size, labels.size)
    y = labels[drawn]
    for scores in (champion, challenger):
        p = scores[drawn]
        decided = p >= 0.5
        metrics.accuracy_score(y, decided)
        metrics.precision_score(y, decided)
        metrics.recall_score(y, decided)
        metrics.f1_score(y, decided)
        metrics.roc_auc_score(y, p)
        metrics.average_precision_score(y, p)
        metrics.log_loss(y, p)
        metrics.brier_score_loss(y, p)
    return time.perf_counter() - began


PEAK = """
import sys
from pathlib import Path
from bench.evaluation import RESAMPLES, rows
from pipelines.evaluation import classification, resample
labels, champion, challenger = rows(int(sys.argv[1]))
sides = [classification.measures(classification.read(labels, scores)) for scores in (champion, challenger)]
resample.paired(sides[0], sides[1], seed=1, resamples=24)
status = Path("/proc/self/status").read_text()
print(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))
"""


def _memory(count: int) -> float:
    """MiB of a process that does it, at its peak. It does not grow with the number of resamples, so few are drawn."""
    done = subprocess.run(
        [sys.executable, "-c", PEAK, str(count)], stdout=subprocess.PIPE, check=True, text=True, timeout=600
    )
    return int(done.stdout) * 1024 / MIB
