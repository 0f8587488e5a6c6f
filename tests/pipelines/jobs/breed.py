"""Saves the versions these tests evaluate as MLflow does: `python -m tests.pipelines.jobs.breed <folder>`."""

import json
import sys
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
from mlflow.models import infer_signature

from tests.pipelines.jobs.rows import fitted, frame
from tests.serving.breed import CODE, store

SEES = """import glob
        found = [p for p in glob.glob("/**/*.csv", recursive=True)] + [c for c in model_input.columns if c == "late"]
        return [float(len(found))] * len(model_input)"""
FIRST = "model_input['x'].iloc[0] < 0"
SIGNATURE = infer_signature(pd.DataFrame({"x": [0.5], "z": [0.5]}), np.array([0.5]))


def sklearn(folder: Path, model: object, answer: str = "predict") -> Path:
    rows = frame(50)[["x", "z"]]
    signature = infer_signature(rows, getattr(model, answer)(rows))
    mlflow.sklearn.save_model(model, str(folder), signature=signature, pyfunc_predict_fn=answer, pip_requirements=[])
    return folder


def python(folder: Path, predict: str, load: str = "pass") -> Path:
    source = folder.with_suffix(".py")
    source.write_text(CODE.format(load=load, predict=predict))
    mlflow.pyfunc.save_model(str(folder), python_model=str(source), signature=SIGNATURE, pip_requirements=[])
    source.unlink()
    return folder


def main(root: Path) -> None:
    known = fitted()
    made = {
        "good": sklearn(root / "good", known["good"], "predict_proba"),
        "worse": sklearn(root / "worse", known["worse"], "predict_proba"),
        "labels": sklearn(root / "labels", known["good"]),
        "many": sklearn(root / "many", known["many"], "predict_proba"),
        "number": sklearn(root / "number", known["number"]),
        "constant": python(root / "constant", "return [0.25] * len(model_input)"),
        "loops": python(root / "loops", "\n        while True: pass"),
        "eats": python(root / "eats", "return [len(bytearray(16 * 1024**3))]"),
        "breaks": python(root / "breaks", "raise KeyError('gone')"),
        "exits": python(root / "exits", "os._exit(3)"),
        "nan": python(root / "nan", "return [float('nan') if v > 1 else 0.5 for v in model_input['x']]"),
        "short": python(root / "short", "return [0.5] * (len(model_input) - 1)"),
        "wide": python(root / "wide", "return [[0.2, 0.3, 0.5]] * len(model_input)"),
        "odd": python(root / "odd", "return [{}] * len(model_input)"),
        "words": python(root / "words", "return ['late' if v > 0 else 'on time' for v in model_input['x']]"),
        "turns": python(root / "turns", f"return [0.5] * len(model_input) if {FIRST} else ['late'] * len(model_input)"),
        "widens": python(root / "widens", f"return [[0.5] * (2 if {FIRST} else 3)] * len(model_input)"),
        "slow": python(root / "slow", "time.sleep(0.2)\n        return [1 / (1 + 2 ** -v) for v in model_input['x']]"),
        "hangs": python(root / "hangs", "return [0.5] * len(model_input)", "\n        while True: time.sleep(60)"),
        "sees": python(root / "sees", SEES),
    }
    stored = {name: store(root, folder) for name, folder in made.items()}
    (root / "made.json").write_text(json.dumps(stored))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
