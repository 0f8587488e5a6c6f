"""What a call that MLflow has carried out leaves in our own rows; inside the transaction that closes its intent."""

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from registry.gate.authorize import Call
from registry.models import Experiment, LoggedModel
from registry.services import aliases, models, runs, versions


def _experiment_created(call: Call, answer: dict[str, Any]) -> None:
    assert call.team is not None
    Experiment.objects.get_or_create(
        mlflow_id=str(answer["experiment_id"]),
        defaults={"name": str(call.args["name"]), "team": call.team, "created_by": call.actor.id},
    )


def _model_created(call: Call, answer: dict[str, Any]) -> None:
    assert call.team is not None
    models.note_created(
        actor=call.actor,
        name=str(call.args["name"]),
        team=call.team,
        description=str(call.args.get("description") or ""),
    )


def _model_changed(call: Call, answer: dict[str, Any]) -> None:
    assert call.model is not None
    models.note_described(actor=call.actor, model=call.model, description=str(call.args.get("description") or ""))


def _model_renamed(call: Call, answer: dict[str, Any]) -> None:
    assert call.model is not None
    models.note_renamed(actor=call.actor, model=call.model, name=str(call.args["new_name"]))


def _model_deleted(call: Call, answer: dict[str, Any]) -> None:
    assert call.model is not None
    models.note_deleted(actor=call.actor, model=call.model)


def _model_tag(call: Call, answer: dict[str, Any]) -> None:
    assert call.model is not None
    models.note_tag(actor=call.actor, model=call.model, key=str(call.args["key"]), value=_value(call))


def _alias_set(call: Call, answer: dict[str, Any]) -> None:
    assert call.model is not None
    assert call.version is not None
    aliases.note_pointed(
        actor=call.actor,
        model=call.model,
        alias=str(call.args["alias"]),
        version=call.version,
        reason="set by a client",
    )


def _alias_deleted(call: Call, answer: dict[str, Any]) -> None:
    assert call.model is not None
    aliases.note_deleted(
        actor=call.actor, model=call.model, alias=str(call.args["alias"]), reason="deleted by a client"
    )


def _version_created(call: Call, answer: dict[str, Any]) -> None:
    assert call.model is not None
    versions.register(actor=call.actor, model=call.model, facts=answer.get("model_version") or {})


def _version_changed(call: Call, answer: dict[str, Any]) -> None:
    assert call.version is not None
    versions.note_described(actor=call.actor, version=call.version, description=str(call.args.get("description") or ""))


def _version_deleted(call: Call, answer: dict[str, Any]) -> None:
    assert call.version is not None
    versions.note_deleted(actor=call.actor, version=call.version)


def _version_tag(call: Call, answer: dict[str, Any]) -> None:
    assert call.version is not None
    versions.note_tag(actor=call.actor, version=call.version, key=str(call.args["key"]), value=_value(call))


def _value(call: Call) -> str | None:
    """The new value of a tag; None when the call deletes it."""
    return None if call.route.method == "DELETE" else str(call.args.get("value", ""))[:5000]


Outcome = Callable[[Call, dict[str, Any]], None]
OUTCOMES: dict[tuple[str, str], Outcome] = {
    ("POST", "experiments/create"): _experiment_created,
    ("POST", "registered-models/create"): _model_created,
    ("PATCH", "registered-models/update"): _model_changed,
    ("POST", "registered-models/rename"): _model_renamed,
    ("DELETE", "registered-models/delete"): _model_deleted,
    ("POST", "registered-models/set-tag"): _model_tag,
    ("DELETE", "registered-models/delete-tag"): _model_tag,
    ("POST", "registered-models/alias"): _alias_set,
    ("DELETE", "registered-models/alias"): _alias_deleted,
    ("POST", "model-versions/create"): _version_created,
    ("PATCH", "model-versions/update"): _version_changed,
    ("DELETE", "model-versions/delete"): _version_deleted,
    ("POST", "model-versions/set-tag"): _version_tag,
    ("DELETE", "model-versions/delete-tag"): _version_tag,
}


@transaction.atomic
def note_run_write(call: Call, answer: dict[str, Any]) -> None:
    """What runs, experiments and logged models leave in our rows: whose they are. Their writes go to the access log."""
    name = call.route.name
    if name == "runs/create" and call.experiment is not None:
        info = answer["run"]["info"]
        runs.note_created(
            run_id=info["run_id"], experiment=call.experiment, name=info.get("run_name", ""), actor=call.actor
        )
    elif name == "logged-models" and call.experiment is not None:
        info = answer["model"]["info"]
        LoggedModel.objects.get_or_create(
            model_id=info["model_id"],
            defaults={
                "experiment": call.experiment,
                "run_id": info.get("source_run_id") or "",
                "name": str(info.get("name") or "")[:500],
            },
        )
    elif name in ("runs/update", "runs/outputs", "runs/log-inputs") and call.run is not None:
        runs.mirror_soon(call.run)
    elif name in ("experiments/update", "experiments/delete", "experiments/restore"):
        _experiment_changed(call)


def _experiment_changed(call: Call) -> None:
    assert call.experiment is not None
    rows = Experiment.objects.filter(pk=call.experiment.pk)
    if call.route.name == "experiments/update":
        rows.update(name=str(call.args.get("new_name", call.experiment.name))[:500])
    else:
        rows.update(deleted_at=Now() if call.route.name == "experiments/delete" else None)
