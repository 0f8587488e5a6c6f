"""Uploads of data: begun, gone on with and taken by whoever may register data in that data set."""

from typing import IO, Any

from portal.accounts import access
from portal.accounts.permissions import Permission
from portal.core.actors import Actor
from portal.core.errors import BadInput, Conflict, NotFound
from registry.datasets import uploads
from registry.datasets.files import BadData
from registry.datasets.uploads import Upload
from registry.models import DataSet
from registry.services import datasets


def begin(*, actor: Actor, data_set: str, name: str, size: int) -> Upload:
    """Room for the file `name` of `size` bytes."""
    row = _registrable(actor, data_set)
    try:
        return uploads.begin(data_set=row.pk, owner=actor.id, name=name, size=size)
    except BadData as error:
        raise BadInput(str(error), fields={"name": str(error)}) from error


def find(*, actor: Actor, data_set: str, key: str) -> Upload:
    """How far it is. Only who began it sees it."""
    row = _registrable(actor, data_set)
    try:
        found = uploads.find(key)
    except BadData as error:
        raise NotFound(str(error)) from error
    if (found.data_set, found.owner) != (row.pk, actor.id):
        raise NotFound("There is no such upload; it may have been too old. Begin again.")
    return found


def append(*, actor: Actor, data_set: str, key: str, offset: int, piece: IO[bytes]) -> Upload:
    """Add the piece that begins at `offset`; `Conflict` with the right `offset` when it does not fit."""
    found = find(actor=actor, data_set=data_set, key=key)
    try:
        return uploads.append(found, offset, piece)
    except uploads.WrongOffset as error:
        raise Conflict(str(error), code="wrong_offset", offset=error.offset) from error
    except BadData as error:
        raise BadInput(str(error)) from error


def source(*, actor: Actor, data_set: str, key: str) -> dict[str, Any]:
    """What a version is registered with that comes from this upload, once all of it is here."""
    found = find(actor=actor, data_set=data_set, key=key)
    if not found.complete:
        sentence = f"{found.name} is not complete: {found.offset} of {found.size} bytes have arrived."
        raise BadInput(sentence, fields={"upload": "not complete"})
    return {"kind": "upload", "key": found.key, "name": found.name}


def _registrable(actor: Actor, data_set: str) -> DataSet:
    row = datasets.find(actor=actor, name=data_set)
    access.require(actor, Permission.DATA_REGISTER, row.team_id)
    return row
