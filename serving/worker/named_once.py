"""JSON in which no object has the same name twice: Python's reader would take the last of them without a word."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from serving.worker.columns import NotANumber
from serving.worker.refusals import FieldError, Refusal, bad, refuse_fields

SMALL_BYTES = 4096
FEW_OBJECTS = 16
"""In a small body, or of so few objects, each is looked at while it is read; for a bulk of rows that would cost too
much time. There names are counted, before and after, and only where the numbers differ is each object looked at."""
COLUMNS_BY_NAME = ("instances", "inputs")
SPACE, QUOTE, COLON, BRACE = b' ":{'


class _TwiceError(Exception):
    """An object has a name twice."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _TwiceError
    return found


_PLAIN = json.JSONDecoder(parse_constant=NotANumber)
_EXACT = json.JSONDecoder(parse_constant=NotANumber, object_pairs_hook=_object)


def decoded(body: bytes, forms: Sequence[str] = ()) -> Any:
    """The value of a body; NaN and infinity come back as `NotANumber`.

    What stands at the top under a name in `forms` holds rows. Raises what `json` does, and `Refusal` for a name that an
    object has twice.
    """
    text = body.decode()
    if len(body) > SMALL_BYTES and np.count_nonzero((read := np.frombuffer(body, np.uint8)) == BRACE) > FEW_OBJECTS:
        found = _PLAIN.decode(text)
        if _names(found) == _most_names(read):
            return found
    try:
        return _EXACT.decode(text)
    except _TwiceError:
        raise _refusal(text, forms) from None


def _names(value: Any) -> int:
    """At least so many names were kept: those of the outermost objects and of the rows in them."""
    if not isinstance(value, dict):
        return 0
    return len(value) + sum(_names_of_rows(part) if isinstance(part, list) else _names(part) for part in value.values())


def _names_of_rows(rows: list[Any]) -> int:
    try:
        return sum(map(dict.__len__, rows))
    except TypeError:
        return 0


def _most_names(read: "np.ndarray[Any, np.dtype[np.uint8]]") -> int:
    """At most so many names are written there: the colons after a quotation mark or after white space."""
    before = read[:-1]
    return int(np.count_nonzero((read[1:] == COLON) & ((before == QUOTE) | (before <= SPACE))))


def _refusal(text: str, forms: Sequence[str]) -> Refusal:
    """What to say of the first object that has a name twice."""
    marked: list[tuple[dict[str, Any], str]] = []

    def mark(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            marked.append((found, next(name for name in names if names.count(name) > 1)))
        return found

    whole = json.JSONDecoder(parse_constant=NotANumber, object_pairs_hook=mark).decode(text)
    at_fault, name = marked[0]
    row = next((number for number, found in _rows(whole, forms) if found is at_fault), None)
    if row is None:
        return bad("duplicate_name", f"The name {name[:60]!r} stands twice in one object. Send each name once.", name)
    where = "The column" if row < 0 else f"Row {row}: the column"
    detail = f"{where} {name[:60]} is there twice. Send each column once."
    return refuse_fields([FieldError(name[:200], "duplicate_column", detail, None if row < 0 else row)])


def _rows(whole: Any, forms: Sequence[str]) -> Iterator[tuple[int, Any]]:
    """Rows with their numbers, and columns by name as row -1."""
    for form in forms if isinstance(whole, dict) else ():
        value = whole.get(form)
        if isinstance(value, list):
            yield from enumerate(value)
        elif form in COLUMNS_BY_NAME:
            yield -1, value
