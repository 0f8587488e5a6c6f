"""Canonical JSON (RFC 8785) and the hashes over it. What an event says is exactly these bytes.

The parser is stricter than JSON: what two readers could understand differently is refused.
"""

import hashlib
import json
from typing import Any, NoReturn

import rfc8785

LARGEST_SAFE_INTEGER = 2**53 - 1
"""Beyond this, neighbouring integers are one and the same number for most readers of JSON."""


class NotCanonicalError(ValueError):
    """The bytes are not the one canonical spelling of a JSON value; the message says why."""


def encode(value: Any) -> bytes:
    """The canonical bytes of plain JSON data. Raises NotCanonicalError for NaN, lone surrogates and unsafe integers."""
    try:
        return rfc8785.dumps(value)
    except RecursionError as error:
        raise NotCanonicalError("The value is nested too deeply.") from error
    except ValueError as error:
        raise NotCanonicalError(f"The value has no canonical JSON: {error}") from error


def parse(raw: bytes) -> Any:
    """The value of strict JSON: no duplicate keys, NaN, infinity, lone surrogates or integers no reader can hold."""
    try:
        value = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_unique_keys,
            parse_constant=_no_constant,
            parse_int=_safe_integer,
            parse_float=_finite_float,
        )
    except NotCanonicalError:
        raise
    except RecursionError as error:
        raise NotCanonicalError("The value is nested too deeply.") from error
    except ValueError as error:
        raise NotCanonicalError(f"This is not JSON in UTF-8: {error}") from error
    if b"\\u" in raw:
        encode(value)  # only an escape can smuggle in half a character
    return value


def check(raw: bytes) -> Any:
    """The value of `raw`, which must be its own canonical spelling."""
    value = parse(raw)
    if encode(value) != raw:
        raise NotCanonicalError("The JSON is valid but not in its canonical spelling.")
    return value


def leaf_hash(canon: bytes) -> bytes:
    """The leaf of the tree for one event (RFC 6962: the prefix 0x00 tells leaves from inner nodes)."""
    return hashlib.sha256(b"\x00" + canon).digest()


def commitment(salt: bytes, value: str) -> bytes:
    """What stands in an event for a value that may have to be forgotten."""
    return hashlib.sha256(salt + value.encode("utf-8")).digest()


def commitments(value: Any) -> set[str]:
    """The commitments (64 hexadecimal digits each) anywhere in an event."""
    found: set[str] = set()
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting.extend(part)
        elif isinstance(part, dict):
            only = part.get("c") if len(part) == 1 else None
            if isinstance(only, str) and len(only) == 64:
                found.add(only)
            else:
                waiting.extend(part.values())
    return found


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotCanonicalError("An object names the same key twice.")
    return found


def _no_constant(word: str) -> NoReturn:
    raise NotCanonicalError(f"{word} is not a JSON number.")


def _safe_integer(literal: str) -> int | float:
    """Digits beyond 2^53 are taken only where they are what RFC 8785 prints for that very floating-point number."""
    if len(literal) < 16 or abs(int(literal)) <= LARGEST_SAFE_INTEGER:
        return int(literal)
    number = float(literal)
    if encode(number) != literal.encode():
        raise NotCanonicalError(f"The integer {literal[:40]} is beyond 2^53; readers would round it.")
    return number


def _finite_float(literal: str) -> float:
    number = float(literal)
    if number in (float("inf"), float("-inf")):
        raise NotCanonicalError(f"The number {literal[:40]} is too large.")
    return number
