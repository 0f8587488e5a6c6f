"""Metrics of the user's own that go wrong, in the sandboxed process that computes: each alone is undefined."""

import os
import shutil
import site
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.adapters.scoring import Bounds
from pipelines.reconcilers import evaluations as job
from registry.selectors import evaluations as read
from tests.pipelines.jobs.conftest import Lab
from tests.pipelines.jobs.rows import frame

CODE = """
def raises(columns):
    return 1 / 0

def nans(columns):
    return [float("nan")] * len(columns["label"])

def words(columns):
    return ["much"] * len(columns["label"])

def short(columns):
    return [1.0]

def one(columns):
    return 1.0

def eats(columns):
    return bytearray(1 << 50)

def writes(columns):
    columns["label"][:] = 1
    return columns["label"]

def ends(columns):
    import os
    os._exit(9)

def loops(columns):
    while True:
        pass

def good(columns):
    return columns["label"] == (columns["score"] >= 0.5)
"""
NAMES = ("raises", "nans", "words", "short", "one", "eats", "writes", "ends", "loops", "good")


@pytest.fixture
def package() -> Iterator[str]:
    """A package with metrics, installed beside ours for as long as the test runs; its prefix of their names."""
    name = f"odd_metrics_{os.getpid()}"
    root = Path(site.getsitepackages()[0])
    module, told = root / f"{name}.py", root / f"{name}-1.dist-info"
    try:
        module.write_text(CODE)
        told.mkdir()
        (told / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
        lines = [f"{name}_{one} = {name}:{one}" for one in NAMES]
        (told / "entry_points.txt").write_text("\n".join(["[signalbox.metrics]", *lines, ""]))
        yield name
    finally:
        shutil.rmtree(told, ignore_errors=True)
        module.unlink(missing_ok=True)


def test_each_makes_itself_undefined_and_nothing_else(lab: Lab, package: str) -> None:
    wanted = ("raises", "nans", "words", "short", "one", "eats", "writes", "good")
    functions = [f"{package}_{one}" for one in wanted] + ["gone"]
    formulas = [
        {"name": "by nothing", "expression": "amount / (x - x)"},
        {"name": "of words", "expression": "place * 2"},
    ]
    version, data = lab.version("good"), lab.data(frame(300))
    plain = read.results_of(lab.evaluate(version, data))
    row = lab.evaluate(version, data, business={"functions": functions, "formulas": formulas})
    found = read.results_of(row)
    assert plain is not None
    assert found is not None, row.status_note
    said = {name.removeprefix(f"{package}_"): one for name, one in found.metrics.items() if name not in plain.metrics}
    named = f"{package}_{{}}"
    assert {name: one.undefined for name, one in said.items() if name != "good"} == {
        "raises": f"The metric {named.format('raises')} raised ZeroDivisionError: division by zero",
        "nans": f"All values of {named.format('nans')} are missing.",
        "words": f"The values of {named.format('words')} are not numbers: they hold text.",
        "short": f"The metric {named.format('short')} gave 1 values for 300 rows.",
        "one": f"The metric {named.format('one')} gave 1 values for 300 rows.",
        "eats": f"The metric {named.format('eats')} raised MemoryError: ",
        "writes": f"The metric {named.format('writes')} raised ValueError: assignment destination is read-only",
        "gone": "No installed package offers the metric gone.",
        "by nothing": "300 of 300 rows have no finite result, the first is row 1.",
        "of words": "The formula calculates with text, or compares text with numbers.",
    }
    assert said["good"].value == pytest.approx(plain.metrics["accuracy"].value)
    assert {name: found.metrics[name] for name in plain.metrics} == plain.metrics


@pytest.mark.slow
@pytest.mark.parametrize(
    ("metric", "sentence"),
    [("loops", "It took more than 6 seconds and was ended."),
     ("ends", "The process that computes ended with the code 9: no word.")],
)  # fmt: skip
def test_one_that_cannot_be_stopped_ends_the_evaluation_and_not_the_worker(
    lab: Lab, package: str, metric: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loop has a minute; here the process has less, as when the loop lets nobody interrupt it."""
    version, data = lab.version("good"), lab.data(frame(60))
    monkeypatch.setattr(job, "BOUNDS", Bounds(seconds=6))
    row = lab.evaluate(version, data, business={"functions": [f"{package}_{metric}"]})
    assert (row.status, row.status_note) == ("failed", sentence)
    assert lab.evaluate(version, data).status == "done"
