"""Asking for an evaluation in words: names of versions and data, and settings that are checked against both."""

from dataclasses import dataclass
from typing import Any

from pipelines.policies import settings as rules
from pipelines.services import named
from portal.core.actors import Actor
from portal.core.errors import BadInput
from registry.models import DataSetVersion, Evaluation, ModelVersion
from registry.services import datasets, versions
from registry.services import evaluations as record


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
    if asked is None:
        return None
    found = named.version(actor=actor, model=row.model.name, named=asked, field="baseline")
    return None if asked == named.CHAMPION and found == row else found


def request(*, actor: Actor, **wish: Any) -> Evaluation:
    """Ask for the evaluation that `wish` describes, as `find` takes it."""
    asked = find(actor=actor, **wish)
    return record.request(
        actor=actor, version=asked.version, data=asked.data, settings=asked.settings, baseline=asked.baseline
    )
