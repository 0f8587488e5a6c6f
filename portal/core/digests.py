"""Digests over bytes and over canonical JSON (RFC 8785): what was approved is named by one of these."""

import hashlib
from typing import Any

import rfc8785


def of_bytes(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def of_json(value: Any) -> str:
    """The digest of plain JSON data, independent of key order and spacing. Raises ValueError for NaN and the like."""
    return of_bytes(rfc8785.dumps(value))
