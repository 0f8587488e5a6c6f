"""A whole evaluation, in the sandboxed processes that carry it out, against scikit-learn with everything in memory.

Ours reads a Parquet file, asks two versions about every row and computes their metrics, intervals and differences, in
processes of bounded memory. The rival is one process that holds the table, asks both versions and loops over metrics.
"""

import contextlib
import datetime as dt
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from bench.catalogue import benchmark
from bench.ground import Portal
from bench.measure import Effort, Estimate, estimate
from bench.results import Row, without_interval
from pipelines.adapters import scoring
from pipelines.adapters.scoring import Bounds, Rows
from pipelines.policies import settings
from registry.adapters import jailed, measuring
from registry.evaluations.results import Results, read

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")  # the adapters ask it where the programs lie

RESAMPLES, LOOPED, PART, CHUNK = 1_000, 3, 500_000, 65_536
MIB = 1024**2
COLUMNS = ("x", "z", "late")
SIGNATURE = {"inputs": [{"name": "x", "type": "double"}, {"name": "z", "type": "double"}]}
ASKED = {"task": "classification", "target": "late", "resamples": RESAMPLES}
LOOK_SECONDS = 0.1


@benchmark(
    "evaluations",
    f"a whole evaluation of two versions with {RESAMPLES:,} resamples, against scikit-learn with all rows in memory",
    portal=False,
)
def measure(portal: Portal, effort: Effort) -> Iterator[Row]:
    name = f"evaluations.{effort.evaluated / 1e6:g}M"
    with tempfile.TemporaryDirectory(prefix="signalbox-bench-") as made:
        folder = Path(made)
        folder.chmod(0o755)
        _lay_out(folder, effort.evaluated)
        taken_in, first, held = _watched(lambda: _taken_in(folder))
        found, ours, peak = _watched(lambda: _evaluated(folder, effort.evaluated, taken_in["columns"]))
        seconds, memory, values = _theirs(folder)
    _same(found, values)
    note = f"{effort.evaluated:,} rows; theirs is {LOOPED} resamples, scaled"
    yield Row(f"{name}.seconds", without_interval(ours), seconds, "s", note=note)
    yield Row(f"{name}.memory", without_interval(peak), memory, "MiB",
              note="the most that all its processes held at once, against the one process")  # fmt: skip
    yield Row(f"{name}.take_in.seconds", without_interval(first), None, "s", note="measuring the data when it comes")
    yield Row(f"{name}.take_in.memory", without_interval(held), None, "MiB", note="the process that does it")


def _lay_out(folder: Path, count: int) -> None:
    """The data as Parquet, a part at a time, and two versions as MLflow saves them."""
    (folder / "data").mkdir()
    random = np.random.default_rng(7)
    with contextlib.ExitStack() as stack:
        writer: pq.ParquetWriter | None = None
        for first in range(0, count, PART):
            x, z = random.normal(size=(2, min(PART, count - first)))
            late = (random.random(x.size) < 1 / (1 + np.exp(-x))).astype(np.int64)
            part = pa.table(dict(zip(COLUMNS, (x, z, late), strict=True)))
            writer = writer or stack.enter_context(pq.ParquetWriter(folder / "data" / "rows.parquet", part.schema))
            writer.write_table(part)
    subprocess.run([sys.executable, "-W", "ignore", "-c", VERSIONS, str(folder)], check=True, timeout=300)


def _taken_in(folder: Path) -> dict[str, Any]:
    """Types, profile and sketches of the data, as when a version of a data set is registered."""
    request = {"folder": str(folder / "data"), "checks": [], "now": dt.datetime.now(dt.UTC).isoformat()}
    scratch = folder / "scratch"
    return jailed.ask("registry.datasets.measure", request, scratch, measuring.ACCOUNT, seconds=measuring.SECONDS)


def _evaluated(folder: Path, count: int, columns: list[dict[str, str]]) -> Results:
    """As the job does it, without its records."""
    types = {column["name"]: column["type"] for column in columns}
    rows = Rows(folder / "data", types, ["late"], count, CHUNK)
    bounds, work = Bounds(), folder / "work"
    work.mkdir()
    for slot, name in enumerate(("challenger", "champion")):
        about = {"signature": SIGNATURE, "inputs": [], "calls": 100}
        scoring.score(folder / name, about, rows, work / name, bounds, lambda done: None, slot=slot)
    complete = settings.checked(ASKED, columns, SIGNATURE, True)
    request = {
        "folder": str(folder / "data"), "types": types, "settings": complete, "scores": "challenger",
        "baseline_scores": "champion", "baseline_note": "",
    }  # fmt: skip
    return read(scoring.compute(request, work, bounds, lambda: None))


def _watched(act: Callable[[], Any]) -> tuple[Any, float, float]:
    """What it answers and the seconds it took, and the most MiB that the processes it started held at once."""
    most, ended = 0.0, threading.Event()
    # A run of all benchmarks has a portal of its own among our children.
    others = frozenset(one.pid for one in _children())

    def look() -> None:
        nonlocal most
        while not ended.wait(LOOK_SECONDS):
            most = max(most, _held(others))

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    began = time.perf_counter()
    try:
        answer = act()
        return answer, time.perf_counter() - began, most
    finally:
        ended.set()
        watcher.join()


def _held(others: frozenset[int]) -> float:
    total = 0
    for one in _children():
        with contextlib.suppress(psutil.Error):
            total += 0 if one.pid in others else one.memory_full_info().pss
    return total / MIB


def _children() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


VERSIONS = """
import sys
from pathlib import Path
import mlflow, pyarrow.parquet as pq
from mlflow.models import infer_signature
from sklearn.linear_model import LogisticRegression
folder = Path(sys.argv[1])
few = next(pq.ParquetFile(folder / "data" / "rows.parquet").iter_batches(5_000)).to_pandas()
inputs = few[["x", "z"]]
for name, strength in (("champion", 1e-3), ("challenger", 1.0)):
    fitted = LogisticRegression(C=strength).fit(inputs, few["late"])
    told = infer_signature(inputs, fitted.predict_proba(inputs))
    mlflow.sklearn.save_model(fitted, str(folder / name), signature=told, pyfunc_predict_fn="predict_proba",
                              pip_requirements=[])
"""

RIVAL = """
import json, sys, time
from pathlib import Path
import mlflow, numpy as np, pandas as pd
from sklearn import metrics
folder, looped = Path(sys.argv[1]), int(sys.argv[2])
began = time.perf_counter()
rows = pd.read_parquet(folder / "data")
y = rows["late"].to_numpy()
both = [mlflow.pyfunc.load_model(str(folder / name)).predict(rows[["x", "z"]])[:, 1]
        for name in ("champion", "challenger")]
def measured(y, p):
    decided = p >= 0.5
    return [metrics.accuracy_score(y, decided), metrics.precision_score(y, decided), metrics.recall_score(y, decided),
            metrics.f1_score(y, decided), metrics.roc_auc_score(y, p), metrics.average_precision_score(y, p),
            metrics.log_loss(y, p), metrics.brier_score_loss(y, p)]
values = [measured(y, p) for p in both][1]
fixed, loops = time.perf_counter() - began, []
for seed in range(looped):
    began = time.perf_counter()
    drawn = np.random.default_rng(seed).integers(0, y.size, y.size)
    [measured(y[drawn], p[drawn]) for p in both]
    loops.append(time.perf_counter() - began)
status = Path("/proc/self/status").read_text()
peak = int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))
print(json.dumps({"fixed": fixed, "loops": loops, "peak": peak, "values": values}))
"""


def _theirs(folder: Path) -> tuple[Estimate, Estimate, list[float]]:
    """Seconds, MiB and the challenger's metrics of the one process."""
    command = [sys.executable, "-W", "ignore", "-c", RIVAL, str(folder), str(LOOPED)]
    found = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True, timeout=3_600).stdout)
    each = estimate(found["loops"])
    seconds = Estimate(*(found["fixed"] + RESAMPLES * one for one in (each.value, each.low, each.high)))
    return seconds, without_interval(found["peak"] * 1024 / MIB), found["values"]


def _same(found: Results, values: list[float]) -> None:
    """Both must have measured the same, or the comparison says nothing."""
    names = ("accuracy", "precision", "recall", "f1", "roc_auc", "pr_auc", "log_loss", "brier")
    ours = [found.metrics[name].value or 0.0 for name in names]
    if not np.allclose(ours, values, rtol=1e-9):
        raise RuntimeError(f"The two measured something else: {ours} and {values}")
