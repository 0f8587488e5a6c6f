"""What the caller may see of MLflow's answer: other teams' things are taken out, a version waits until it is ready."""

from collections.abc import Callable, Iterator
from typing import Any

from registry.gate.authorize import Call
from registry.models import ModelVersion

Named = Callable[[dict[str, Any]], str]
LISTS: dict[str, tuple[str, Named]] = {
    "experiments/search": ("experiments", lambda item: str(item.get("experiment_id"))),
    "registered-models/search": ("registered_models", lambda item: str(item.get("name"))),
    "model-versions/search": ("model_versions", lambda item: str(item.get("name"))),
}
READY, PENDING, FAILED = "READY", "PENDING_REGISTRATION", "FAILED_REGISTRATION"


def shown(call: Call, answer: dict[str, Any]) -> dict[str, Any]:
    """The answer as this caller may see it."""
    listed = LISTS.get(call.route.name)
    if listed is not None and listed[0] in answer:
        key, name_of = listed
        answer[key] = [item for item in answer[key] if name_of(item) in call.visible]
    found = list(_versions(answer))
    statuses = _statuses(found)
    for item in found:
        status, note = statuses.get((item.get("name"), str(item.get("version"))), (PENDING, ""))
        item["status"] = status
        if note:
            item["status_message"] = note
    return answer


def refused(answer: Any) -> Any:
    """A refusal of MLflow without what its database said, which would name tables and values of others."""
    if isinstance(answer, dict) and "[SQL:" in str(answer.get("message")):
        answer["message"] = str(answer["message"]).split(" Error: (")[0].split("[SQL:")[0].strip()
    return answer


def _versions(value: Any) -> Iterator[dict[str, Any]]:
    """All version objects in an answer, wherever they stand."""
    if isinstance(value, dict):
        if "version" in value and "name" in value and "creation_timestamp" in value:
            yield value
        for inner in value.values():
            yield from _versions(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _versions(inner)


def _statuses(found: list[dict[str, Any]]) -> dict[tuple[Any, str], tuple[str, str]]:
    names = {item.get("name") for item in found}
    rows = ModelVersion.objects.filter(model__name__in=names).values_list(
        "model__name", "number", "status", "status_note"
    )
    words = {"ready": READY, "archived": READY, "failed": FAILED}
    return {(name, str(number)): (words.get(status, PENDING), note) for name, number, status, note in rows}
