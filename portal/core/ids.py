"""Identifiers that sort by time and can be made anywhere."""

import uuid

import uuid6


def new_id() -> uuid.UUID:
    """A UUIDv7 (RFC 9562)."""
    return uuid.UUID(int=uuid6.uuid7().int)
