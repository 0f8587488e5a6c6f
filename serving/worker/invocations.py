"""MLflow's scoring protocol: what `mlflow models serve` takes at `/invocations`."""

from typing import Any

from serving import plain
from serving.worker import bodies, question
from serving.worker.question import Question
from serving.worker.refusals import Refusal, bad
from serving.worker.signature import Signature

CSV, PARQUET, JSON = "text/csv", "application/vnd.apache.parquet", "application/json"
UTF_8 = ("charset=utf-8", 'charset="utf-8"', "charset=utf8")
FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")


def read(body: bytes, content_type: str, signature: Signature, most_rows: int) -> Question:
    """The question in a body. Raises `Refusal`."""
    kind = _kind(content_type)
    if kind in (CSV, PARQUET):
        frame = bodies.from_csv(body, signature) if kind == CSV else bodies.from_parquet(body, most_rows)
        return question.of_frame(frame, signature, most_rows, question.checked_parameters({}, signature))
    if kind not in (JSON, ""):
        raise Refusal(415, "media_type", f"{kind[:60]!r} is not read here. Send {JSON}, {CSV} or {PARQUET}.")
    given = bodies.json_object(body, FORMS)
    form = _form(given)
    parameters = question.checked_parameters(given.get("params"), signature)
    value = given[form]
    if form == "dataframe_split":
        return question.of_frame(bodies.from_split(value), signature, most_rows, parameters)
    if form == "dataframe_records":
        return question.of_frame(bodies.from_records(value, form), signature, most_rows, parameters)
    if signature.tensors or not (signature.columns or _looks_like_records(value)):
        tensors = _tensors(value, form, signature)
        return question.of_tensors(tensors, signature, most_rows, parameters)
    return question.of_frame(_columns(value, form, signature), signature, most_rows, parameters)


def answer(predictions: Any) -> bytes:
    """The answer's body."""
    return plain.dumps({"predictions": plain.jsonable(predictions)})


def version() -> bytes:
    """The version of MLflow whose protocol this is."""
    from mlflow.version import VERSION

    return str(VERSION).encode()


def _kind(content_type: str) -> str:
    kind, *options = (part.strip().lower() for part in content_type.split(";"))
    if any(option.startswith("charset=") and option not in UTF_8 for option in options):
        raise Refusal(415, "media_type", "Only UTF-8 is read here.")
    return kind


def _form(given: dict[str, Any]) -> str:
    found = [form for form in FORMS if form in given]
    unknown = sorted(set(given) - {*FORMS, "params"})
    if len(found) != 1:
        raise bad("wrong_form", f"Send exactly one of {', '.join(FORMS)}.")
    if unknown:
        raise bad(
            "wrong_form", f"{unknown[0][:60]!r} is not known here. Send {found[0]} and, if wanted, params.", unknown[0]
        )
    return found[0]


def _looks_like_records(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _columns(value: Any, form: str, signature: Signature) -> Any:
    """`instances` and `inputs` of a model with columns: records, columns by name, or rows in the signature's order."""
    if isinstance(value, dict):
        return bodies.from_columns(value, form)
    if isinstance(value, list) and value and all(isinstance(row, list) for row in value):
        return bodies.from_rows([column.name for column in signature.columns], value, form)
    return bodies.from_records(value, form)


def _tensors(value: Any, form: str, signature: Signature) -> dict[str, Any]:
    """Tensors by name; `instances` lists them row by row, `inputs` whole."""
    if isinstance(value, dict):
        if form == "instances":
            raise bad("wrong_shape", "instances must be a list. Send named tensors under inputs.", form)
        return value
    if form == "instances" and _looks_like_records(value):
        return dict(bodies.from_records(value, form))
    if len(signature.tensors) > 1:
        names = ", ".join(tensor.name for tensor in signature.tensors)
        raise bad("wrong_shape", f"This model takes several tensors ({names}). Send them by name.", form)
    return {signature.tensors[0].name if signature.tensors else "": value}
