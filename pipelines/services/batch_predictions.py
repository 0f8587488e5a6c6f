"""Asking for a batch prediction in words: names of version and data, and settings that are checked against both."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from deployments.selectors import usage
from pipelines.policies import batch as rules
from pipelines.services import named
from portal.core.actors import Actor
from portal.core.errors import BadInput
from registry.models import BatchPrediction, DataSet, DataSetVersion, ModelVersion
from registry.services import batch_predictions as record
from registry.services import datasets


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be asked of which version, found and checked."""

    version: ModelVersion
    data: DataSetVersion
    settings: dict[str, list[str]]
    into: DataSet | None


def find(
    *,
    actor: Actor,
    model: str,
    version: int | str,
    data_set: str,
    data_version: int,
    keep: Sequence[str] = (),
    inputs: Sequence[str] = (),
    into: str = "",
) -> Asked:
    """The things that are named, and complete settings. `version` is a number or "champion".

    `keep` names columns of the data that stand in the file beside the answers, `inputs` those that a version without
    a signature of columns is given, `into` the data set of which the file becomes a version. Raises `NotFound` for
    what the actor may not see, `BadInput` with the fields at fault, and `Refused` for what the actor may not do.
    """
    row = named.version(actor=actor, model=model, named=version)
    data = datasets.find_version(actor=actor, name=data_set, number=data_version)
    target = datasets.find(actor=actor, name=into) if into else None
    record.require(actor, row, data, target)
    settings, wrong = rules.checked(keep, inputs, data.columns, row.signature)
    if wrong:
        raise BadInput(" ".join(wrong.values()), fields=wrong)
    return Asked(row, data, settings, target)


def request(*, actor: Actor, **wish: Any) -> BatchPrediction:
    """Ask for the batch prediction that `wish` describes, as `find` takes it."""
    asked = find(actor=actor, **wish)
    return record.request(
        actor=actor,
        version=asked.version,
        data=asked.data,
        settings=asked.settings,
        into=asked.into,
        serving=serving(actor, asked.version),
    )


def serving(actor: Actor, version: ModelVersion) -> list[dict[str, str]]:
    """Where the version serves now and as what, as far as the actor may see it."""
    found = usage.of(actor=actor, model=version.model.name, number=version.number).places
    return [
        {"environment": one.endpoint.environment.name, "endpoint": one.endpoint.name, "role": one.role} for one in found
    ]
