"""Versions as people and programs name them."""

from portal.core.actors import Actor
from portal.core.errors import BadInput
from registry.models import ModelVersion
from registry.services import aliases, models, versions

CHAMPION = "champion"


def version(*, actor: Actor, model: str, named: int | str, field: str = "version") -> ModelVersion:
    """The version with this number, or the champion. Raises `NotFound` for what the actor may not see."""
    if named == CHAMPION:
        row = models.find(actor=actor, name=model)
        found = aliases.at(row, CHAMPION)
        if found is None:
            raise BadInput(f"{row} has no champion.", fields={field: "there is no champion"})
        return found
    if not isinstance(named, int):
        raise BadInput(f"The {field} is the number of a version, or champion.", fields={field: "unknown"})
    return versions.find(actor=actor, model=model, number=named)
