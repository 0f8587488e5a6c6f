"""Identifiers that sort by time and can be made anywhere."""

import uuid
from typing import cast

import uuid6


def new_id() -> uuid.UUID:
    """A UUIDv7 (RFC 9562)."""
    return cast(uuid.UUID, uuid.UUID(int=uuid6.uuid7().int))
