"""Compares everything MLflow holds with our rows, and deals with what was changed behind the gate.

Unprotected tags and aliases are taken over, protected ones are put back; a model or version that only one side knows
is reported once, since nobody can say whose it is. What the gate is working on right now is left alone.
"""

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from portal.audit.recorder import Subject
from portal.core import actors, clock, work
from portal.core.actors import Actor
from registry.adapters import mlflow_rest
from registry.models import AliasState, GateIntent, MirrorPass, ModelVersion, RegisteredModel
from registry.policies import protection
from registry.policies.protection import is_protected
from registry.services import aliases, drift, models, tags, versions

Found = dict[str, Any]
SETTLING = timedelta(minutes=2)


def _actor() -> Actor:
    return actors.system("it was changed in MLflow, not through the portal")


def compare() -> None:
    """One pass over all models and versions. Raises `MlflowUnavailable` when MLflow is away."""
    source = mlflow_rest.client()
    began = clock.now()
    theirs = {found["name"]: found for found in source.models()}
    numbered = {(found["name"], int(found["version"])): found for found in source.versions()}
    left = busy()
    ours = {row.name: row for row in RegisteredModel.objects.filter(deleted_at=None)}
    for name in sorted((theirs.keys() | ours.keys()) - left):
        _model(name, ours.get(name), theirs.get(name))
    rows = {(v.model.name, v.number): v for v in ModelVersion.objects.filter(deleted_at=None).select_related("model")}
    for key in sorted(numbered.keys() | rows.keys()):
        if key[0] in ours.keys() & theirs.keys() and key[0] not in left:
            _version(key, rows.get(key), numbered.get(key))
    MirrorPass.objects.update_or_create(pk=1, defaults={"at": began})


def compare_one(name: str) -> bool:
    """Compare one model; False when the gate is changing it, so that looking now would report our own work."""
    if name in busy():
        return False
    source = mlflow_rest.client()
    found = source.model(name)
    theirs = {int(item["version"]): item for item in source.versions(name)} if found else {}
    row = RegisteredModel.objects.filter(name=name, deleted_at=None).first()
    if found or row:
        _model(name, row, found)
    if row and found:
        rows = {v.number: v for v in row.versions.filter(deleted_at=None).select_related("model")}
        for number in sorted(theirs.keys() | rows.keys()):
            _version((name, number), rows.get(number), theirs.get(number))
    return True


def busy() -> set[str]:
    """Models that a request is changing now or has changed while MLflow was being read."""
    recent = GateIntent.objects.filter(Q(closed_at=None) | Q(closed_at__gt=clock.now() - SETTLING))
    found = set()
    for args in recent.values_list("body__args", flat=True):
        found |= {str((args or {}).get("name", "")), str((args or {}).get("new_name", ""))}
    return found


def _report(subject: Subject, what: str, model: RegisteredModel | None = None) -> None:
    drift.found_once(actor=_actor(), subject=subject, what=what, model=model)


@transaction.atomic
def _model(name: str, row: RegisteredModel | None, found: Found | None) -> None:
    if row is None:
        _report(Subject.of("mlflow_model", name, name), "a model that was not registered through the portal")
    elif found is None:
        _report(models.subject(row), drift.GONE_MODEL, row)
    else:
        _tags(row, found, models.subject(row), row)
        _aliases(row, found)


def _tags(row: RegisteredModel | ModelVersion, found: Found, subject: Subject, model: RegisteredModel) -> None:
    """Take over what was changed, but for protected tags: those are put back by a job, and noted once until it has."""
    theirs = tags_of(found)
    if theirs == row.tags or tags.under_way(row):
        return
    kept = protection.kept_tags(row.tags, theirs)
    if kept != row.tags:
        _note(subject, model, "tags", before=row.tags, after=kept)
        tags.note(actor=_actor(), row=row, tags=kept)
    if kept != theirs:
        wrong = {key for key in kept.keys() | theirs.keys() if kept.get(key) != theirs.get(key)}
        before, after = ({key: value for key, value in side.items() if key in wrong} for side in (kept, theirs))
        _note(subject, model, "protected tags", before=before, after=after, put_back=True)
        tags.put_back(row)


def tags_of(found: Found) -> dict[str, str]:
    """The tags of a model or version as MLflow answers them."""
    return {tag["key"]: tag.get("value", "") for tag in found.get("tags", [])}


def _note(subject: Subject, model: RegisteredModel, what: str, **change: Any) -> None:
    """`change` has `before` and `after`, and `put_back` where it does not stay."""
    drift.found(actor=_actor(), verb="registry.drift_found", subject=subject, what=what, model=model, **change)


def _aliases(row: RegisteredModel, found: Found) -> None:
    """Aliases with a state of their own are looked after by their reconciler."""
    governed = set(AliasState.objects.filter(model=row).values_list("alias", flat=True))
    theirs = {a["alias"]: int(a["version"]) for a in found.get("aliases", [])}
    held = {name: entry.version.number for name, entry in aliases.current(row).items() if entry.version}
    for name in sorted(theirs.keys() | held.keys()):
        if name in governed or theirs.get(name) == held.get(name):
            continue
        change = {"before": held.get(name), "after": theirs.get(name), "put_back": is_protected(name)}
        _note(models.subject(row), row, f"alias {name}", **change)
        if is_protected(name):
            _put_back(row, name)
        else:
            _take_alias(row, name, theirs.get(name))


def _put_back(row: RegisteredModel, name: str) -> None:
    """No promotion has pointed this alias, so it is to point nowhere."""
    entry = aliases.current(row).get(name)
    state, _ = AliasState.objects.update_or_create(
        model=row, alias=name, defaults={"desired": entry.version if entry else None, "next_reconcile_at": clock.now()}
    )
    work.ring("registry.alias", state.pk)


def _take_alias(row: RegisteredModel, name: str, number: int | None) -> None:
    reason = "changed in MLflow, not through the portal"
    version = ModelVersion.objects.filter(model=row, number=number, deleted_at=None).first() if number else None
    if version is not None:
        aliases.note_pointed(actor=_actor(), model=row, alias=name, version=version, reason=reason)
    elif number is None:
        aliases.note_deleted(actor=_actor(), model=row, alias=name, reason=reason)


@transaction.atomic
def _version(key: tuple[str, int], row: ModelVersion | None, found: Found | None) -> None:
    name = f"{key[0]} v{key[1]}"
    if row is None:
        _report(Subject.of("mlflow_version", name, name), "a version that was not registered through the portal")
    elif found is None:
        _report(versions.subject(row), drift.GONE_VERSION, row.model)
    else:
        _tags(row, found, versions.subject(row), row.model)
