"""Asking for an evaluation in words: names of versions and data, and settings that are checked against both."""

from dataclasses import dataclass
from typing import Any

from pipelines.policies import settings as rules
from portal.core.actors import Actor
from portal.core.errors import BadInput
from registry.models import DataSetVersion, Evaluation, ModelVersion
from registry.services import aliases, datasets, versions
from registry.services import evaluations as record

CHAMPION = "champion"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be evaluated, found and checked."""

    version: ModelVersion
    baseline: ModelVersion | None
    data: DataSetVersion
    settings: dict[str, Any]


def find(
    *,
    actor: Actor,
    model: str,
    version: int,
    data_set: str,
    data_version: int,
    settings: Any,
    baseline: int | str | None = None,
) -> Asked:
    """The things that are named, and complete settings. `baseline` is a number, "champion" or None.

    Raises `NotFound` for what the actor may not see and `BadInput` with the fields at fault.
    """
    row = versions.find(actor=actor, model=model, number=version)
    data = datasets.find_version(actor=actor, name=data_set, number=data_version)
    base = _baseline(actor, row, baseline)
    try:
        complete = rules.checked(settings, data.columns, row.signature, base is not None)
    except rules.BadSettings as error:
        fields = {f"settings.{name}": said for name, said in error.fields.items()}
        raise BadInput(f"The settings were refused. {error}.", fields=fields) from error
    return Asked(row, base, data, complete)


def _baseline(actor: Actor, row: ModelVersion, asked: int | str | None) -> ModelVersion | None:
    if asked == CHAMPION:
        found = aliases.at(row.model, CHAMPION)
        if found is None:
            raise BadInput(f"{row.model} has no champion.", fields={"baseline": "there is no champion"})
        return None if found == row else found
    if asked is None:
        return None
    if not isinstance(asked, int):
        raise BadInput("The baseline is the number of a version, or champion.", fields={"baseline": "unknown"})
    return versions.find(actor=actor, model=row.model.name, number=asked)


def request(*, actor: Actor, **named: Any) -> Evaluation:
    """Ask for the evaluation that `named` describes, as `find` takes it."""
    asked = find(actor=actor, **named)
    return record.request(
        actor=actor, version=asked.version, data=asked.data, settings=asked.settings, baseline=asked.baseline
    )
