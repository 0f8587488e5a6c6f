"""The model itself: loading it, asking it, and warming it up before the first caller comes."""

import inspect
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from serving.worker import answers, arrays, invocations, question, signature, together
from serving.worker.question import Question
from serving.worker.refusals import Refusal, bad
from serving.worker.signature import Signature, Tensor

EXAMPLE = "serving_input_example.json"
MOST_EXAMPLE_BYTES = 4 * 1024**2
_SAMPLES: dict[str, Any] = {
    "boolean": False,
    "integer": 0,
    "long": 0,
    "float": 0.0,
    "double": 0.0,
    "string": "",
    "binary": "",
    "datetime": "2026-01-01T00:00:00",
}


class WarmUpFailed(RuntimeError):
    """The model raised on the example it was registered with."""


@dataclass
class Predictor:
    """A loaded model with its signature. Calls come from one thread at a time.

    `together` says that several callers' questions may be asked as one; see the module of that name.
    """

    copy: Path
    described: Mapping[str, Any]
    signature: Signature
    model: Any
    direct: Any = field(default=None)
    takes_parameters: bool = False
    together: bool = False

    def predict(self, asked: Question) -> Any:
        """What the model answers. Raises `Refusal` where MLflow's own check refuses the data."""
        if self.direct is not None:
            return (
                self.direct(asked.data, params=asked.parameters) if self.takes_parameters else self.direct(asked.data)
            )
        from mlflow.exceptions import MlflowException

        try:
            return self.model.predict(asked.data, params=asked.parameters or None)
        except MlflowException as error:
            if error.error_code in ("INVALID_PARAMETER_VALUE", "BAD_REQUEST"):
                raise bad("wrong_type", f"The data does not fit the signature: {error.message[:500]}") from error
            raise


def load(copy: Path, described: Mapping[str, Any], given: Mapping[str, Any]) -> Predictor:
    """Load the version in `copy`. The signature in its own files counts; `given` serves where they hold none."""
    import mlflow.pyfunc

    known = signature.read(described.get("signature") or given)
    model = mlflow.pyfunc.load_model(str(copy))
    predictor = Predictor(copy, described, known, model)
    # The data is checked here already; MLflow's own second check would cost as much as the prediction.
    direct = getattr(model, "_predict_fn", None)
    hinted = described.get("is_signature_from_type_hint") or described.get("type_hint_from_example")
    if known.simple and not hinted and callable(direct):
        predictor.direct = direct
        given_to = inspect.signature(direct).parameters.get("params")
        predictor.takes_parameters = given_to is not None and given_to.kind != inspect.Parameter.VAR_KEYWORD
        if arrays.taken(model, described, known, lambda data: predictor.predict(Question(data, 0, {}))):
            predictor.signature = replace(known, as_array=True)
        predictor.together = together.taken(model, described, known)
    return predictor


def warm(predictor: Predictor, most_rows: int) -> str:
    """Predict once; says with what. Raises `WarmUpFailed`, and whatever the model raises on its own example."""
    body = _example(predictor)
    if body is not None:
        try:
            asked = invocations.read(body, "application/json", predictor.signature, most_rows)
        except Refusal as error:
            return _warm_with_sample(predictor) + f"; the example does not fit the signature: {error.detail}"
        _ask(predictor, asked)
        return "input example"
    return _warm_with_sample(predictor)


def _ask(predictor: Predictor, asked: Question) -> None:
    try:
        found = predictor.predict(asked)
        answers.check(found, asked.rows, predictor.signature.outputs)
        invocations.answer(found)
    except Refusal as refusal:
        raise WarmUpFailed(f"asked with its own input example: {refusal.detail}") from refusal
    except Exception as error:
        raise WarmUpFailed(f"the model raised {type(error).__name__} on its own input example: {error}") from error


def _example(predictor: Predictor) -> bytes | None:
    path = predictor.copy / EXAMPLE
    if path.is_file() and path.stat().st_size <= MOST_EXAMPLE_BYTES:
        return path.read_bytes()
    return None


def _warm_with_sample(predictor: Predictor) -> str:
    """Made-up rows may mean nothing to the model, so that an error here says nothing against it."""
    asked = sample(predictor.signature)
    if asked is None:
        return "not tried: there is neither an example nor a signature"
    try:
        predictor.predict(asked)
    except Exception as error:
        return f"made-up row, which the model refused with {type(error).__name__}"
    return "made-up row"


def sample(known: Signature) -> Question | None:
    """A question with one made-up row, from the signature."""
    if known.tensors:
        arrays = {tensor.name: _zeros(tensor) for tensor in known.tensors}
        return Question(arrays[""] if list(arrays) == [""] else arrays, 1, {}, question.checked_parameters({}, known))
    if not known.simple:
        return None
    frame = {column.name: [_SAMPLES[column.kind]] for column in known.columns}
    return question.of_frame(frame, known, 1, question.checked_parameters({}, known))


def _zeros(tensor: Tensor) -> Any:
    dtype = object if tensor.dtype in ("string", "str") else tensor.dtype
    return np.zeros([1 if n < 0 else n for n in tensor.shape], dtype=dtype)


def example_rows(predictor: Predictor) -> Any:
    """One valid row for people to try, as a body for `/invocations`; None where there is none to offer."""
    body = _example(predictor)
    if body is not None:
        return json.loads(body)
    known = predictor.signature
    if known.columns and known.simple:
        return {"dataframe_records": [{c.name: _SAMPLES[c.kind] for c in known.columns}]}
    return None
