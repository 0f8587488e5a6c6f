"""Saves the zoo's models as MLflow does: `python -m tests.serving.breed <folder>`.

A process of its own: importing MLflow warns about itself, and tests turn warnings into errors.
"""

import json
import shutil
import sys
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
from mlflow.models import ModelSignature, infer_signature
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema, TensorSpec
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from serving import digests
from tests.serving.zoo import GOOD_ROW

MIXED = Schema(
    [
        ColSpec(DataType.string, "carrier"),
        ColSpec(DataType.long, "distance"),
        ColSpec(DataType.double, "temp"),
        ColSpec(DataType.boolean, "holiday"),
        ColSpec(DataType.double, "wind", required=False),
    ]
)


def linear(folder: Path, coefficient: float, column: str = "x") -> Path:
    """Answers `coefficient * x`, where `x` is what stands in its only column."""
    frame = pd.DataFrame({column: np.arange(10.0)})
    model = LinearRegression(fit_intercept=False).fit(frame, frame[column] * coefficient)
    signature = infer_signature(frame, model.predict(frame))
    mlflow.sklearn.save_model(model, str(folder), signature=signature, input_example=frame.head(2), pip_requirements=[])
    return folder


def mixed(folder: Path) -> Path:
    """Takes one column of every common type; answers two probabilities."""
    rows = pd.DataFrame([GOOD_ROW, {**GOOD_ROW, "carrier": "UA", "distance": 90, "temp": 10.0, "holiday": True}])
    columns = ColumnTransformer(
        [
            ("carrier", OneHotEncoder(handle_unknown="ignore"), ["carrier"]),
            ("rest", "passthrough", ["distance", "temp"]),
        ]
    )
    model = make_pipeline(columns, LogisticRegression()).fit(rows, [0, 1])
    mlflow.sklearn.save_model(
        model,
        str(folder),
        signature=ModelSignature(inputs=MIXED, outputs=Schema([TensorSpec(np.dtype("float64"), (-1, 2))])),
        input_example=rows,
        pyfunc_predict_fn="predict_proba",
        pip_requirements=[],
    )
    return folder


def tensor(folder: Path) -> Path:
    """Takes rows of three numbers as one tensor without a name."""
    rows = np.arange(12.0).reshape(4, 3)
    model = LinearRegression().fit(rows, rows.sum(axis=1))
    signature = infer_signature(rows, model.predict(rows))
    mlflow.sklearn.save_model(model, str(folder), signature=signature, input_example=rows, pip_requirements=[])
    return folder


CODE = """
import os, socket, sys, time
import mlflow
class Model(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        {load}
    def predict(self, context, model_input, params=None):
        {predict}
mlflow.models.set_model(Model())
"""


def python(
    folder: Path,
    load: str = "pass",
    predict: str = "return [float(v) for v in model_input['x']]",
    outputs: Schema | None = None,
    example: pd.DataFrame | None = None,
) -> Path:
    """A model whose author's own lines run when it loads and when it predicts."""
    source = folder.with_suffix(".py")
    source.write_text(CODE.format(load=load, predict=predict))
    columns = ModelSignature(
        inputs=Schema([ColSpec(DataType.double, "x")]),
        outputs=outputs,
        params=ParamSchema([ParamSpec("times", DataType.long, 1)]),
    )
    mlflow.pyfunc.save_model(
        str(folder), python_model=str(source), signature=columns, input_example=example, pip_requirements=[]
    )
    source.unlink()
    return folder


TWICE = "return [2 * float(v) for v in model_input['x']]"
COUNTED = "self.asked = getattr(self, 'asked', 0) + 1"
HOARD = "self.kept = [*getattr(self, 'kept', []), *([b'x' * 2**24] if self.asked < 40 else [])]"
LOOKS_AROUND = """
import ctypes, json, resource
        def attempt(act):
            try:
                return str(act())[:80]
            except OSError as error:
                return type(error).__name__
        found = {
            "uid": os.getuid(),
            "passwd": attempt(lambda: open("/etc/passwd").read(5)),
            "home": attempt(lambda: os.listdir("/root")),
            "outside": attempt(lambda: open("OUTSIDE").read()),
            "write_outside": attempt(lambda: open("OUTSIDE", "w").write("x")),
            "tcp": attempt(lambda: socket.create_connection(("127.0.0.1", 1), 1)),
            "interfaces": attempt(lambda: [name for _, name in socket.if_nameindex()]),
            "secret": os.environ.get("SIGNALBOX_STORE", "absent"),
            "scratch": attempt(lambda: open(os.path.join(os.environ["TMPDIR"], "note"), "w").write("x")),
            "core": resource.getrlimit(resource.RLIMIT_CORE)[0],
            "no_new_privs": ctypes.CDLL(None).prctl(39, 0, 0, 0, 0),
            "parent": attempt(lambda: os.kill(os.getppid(), 0)),
        }
        return [json.dumps(found)]"""


def store(root: Path, folder: Path) -> dict[str, str]:
    """Move a saved model to its place in the content-addressed store."""
    digest = digests.hash_tree(folder).digest
    name = digest.removeprefix("sha256:")
    target = root / "store" / "sha256" / name[:2] / name
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(folder, target)
    return {"source": str(target), "digest": digest}


def main(root: Path) -> None:
    outside = str(root / "outside")
    look = LOOKS_AROUND.replace("OUTSIDE", outside).strip()
    made = {
        "double": linear(root / "double", 2.0),
        "triple": linear(root / "triple", 3.0),
        "again": linear(root / "again", 2.0),
        "narrow": linear(root / "narrow", 2.0, "y"),
        "mixed": mixed(root / "mixed"),
        "tensor": tensor(root / "tensor"),
        "slow": python(root / "slow", predict="time.sleep(float(model_input['x'][0])); return [1.0]"),
        "times": python(root / "times", predict="return [float(v) * params['times'] for v in model_input['x']]"),
        "raises": python(root / "raises", load="raise ValueError('broken weights')"),
        "hangs": python(root / "hangs", load="time.sleep(600)"),
        "exits": python(root / "exits", load="os._exit(3)"),
        "ends": python(root / "ends", predict="os._exit(9) if len(model_input) > 1 else None; return [0.0]"),
        "nan": python(root / "nan", predict="return [float('nan')]"),
        "nan_at_once": python(
            root / "nan_at_once", predict="return [float('nan')]", example=pd.DataFrame({"x": [1.0]})
        ),
        "late": python(root / "late", predict=f"time.sleep(0.05); {TWICE}"),
        "stuck": python(root / "stuck", predict=f"{COUNTED}; time.sleep(600 * (self.asked > 20)); {TWICE}"),
        "drops": python(root / "drops", predict=f"{COUNTED}; self.asked > 10 and os._exit(9); {TWICE}"),
        "hoards": python(root / "hoards", predict=f"{COUNTED}; {HOARD}; {TWICE}"),
        "texts": python(root / "texts", predict="return ['a']", outputs=Schema([ColSpec(DataType.double)])),
        "eats": python(root / "eats", predict="return [float(len(bytearray(2**40)))]"),
        "breaks": python(root / "breaks", predict="raise KeyError('gone')"),
        "looks": python(root / "looks", predict=look),
    }
    stored = {name: store(root, folder) for name, folder in made.items()}
    (root / "zoo.json").write_text(json.dumps(stored))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
