"""Ids that sort by time (UUIDv7)."""

import os
import time
import uuid


def new_id() -> str:
    """A fresh UUIDv7 as text."""
    return _made(time.time_ns() // 1_000_000, int.from_bytes(os.urandom(10), "big"))


def id_of(milliseconds: int, token: str) -> str:
    """The id of what began then (Unix time) and is known by a random UUID: the same wherever it is asked for."""
    return _made(milliseconds, uuid.UUID(token).int & (1 << 80) - 1)


def _made(milliseconds: int, random: int) -> str:
    value = milliseconds << 80 | random
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return str(uuid.UUID(int=value))


def is_id(text: str) -> bool:
    """Whether a caller's own id is a UUID in its usual form."""
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False
