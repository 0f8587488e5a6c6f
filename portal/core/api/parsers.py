"""JSON as it should be: UTF-8, no duplicate keys, no NaN, not too deep."""

import json
import math
import re
from collections.abc import Iterable
from typing import Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from portal.core.errors import BadInput

MAX_DEPTH = 40
LARGEST_WHOLE = 2**53 - 1
WHOLE_DIGITS = 17
NO_CHARACTER = re.compile("[\x00\ud800-\udfff]")
NO_TEXT = "This holds NUL or half of a character, which no text can hold. Take it out."


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r} stands twice in one object")
        found[key] = value
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _fraction(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:40]} is more than a number can be")
    return value


def _whole(text: str) -> int:
    if len(text) > WHOLE_DIGITS or abs(value := int(text)) > LARGEST_WHOLE:
        raise ValueError(f"{text[:40]} is beyond the whole numbers that JSON keeps exact")
    return value


def depth(value: Any, level: int = 1) -> int:
    if isinstance(value, dict):
        return max([level, *(depth(v, level + 1) for v in value.values())])
    if isinstance(value, list):
        return max([level, *(depth(v, level + 1) for v in value)])
    return level


def loads(raw: bytes) -> Any:
    """Strict JSON. Raises ValueError with a sentence that names what is wrong."""
    try:
        value = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_no_duplicates,
            parse_constant=_no_constant,
            parse_float=_fraction,
            parse_int=_whole,
        )
    except RecursionError as error:
        raise ValueError("the document is nested too deeply") from error
    if depth(value) > MAX_DEPTH:
        raise ValueError(f"the document is nested more than {MAX_DEPTH} levels deep")
    return value


def untext(value: Any, place: str = "") -> list[str]:
    """The places of what no text can hold, dots between names and positions: values, and objects for their names."""
    if isinstance(value, str):
        return [place or "body"] if NO_CHARACTER.search(value) else []
    found: list[str] = []
    if isinstance(value, dict):
        if any(NO_CHARACTER.search(name) for name in value):
            return [place or "body"]
        inside: Iterable[tuple[Any, Any]] = value.items()
    else:
        inside = enumerate(value) if isinstance(value, list) else ()
    for name, held in inside:
        found += untext(held, f"{place}.{name}" if place else str(name))
    return found


def read(raw: bytes) -> Any:
    """Strict JSON all of whose texts can be kept. Raises ValueError as `loads` does, and `BadInput` that names each
    place of what no text can hold."""
    value = loads(raw)
    if wrong := untext(value):
        raise BadInput(f"{wrong[0]}: {NO_TEXT}", fields=dict.fromkeys(wrong, NO_TEXT))
    return value


class StrictJSONParser(BaseParser):
    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        try:
            return read(stream.read())
        except (ValueError, UnicodeDecodeError) as error:
            raise ParseError(f"The body is not valid JSON: {error}.") from error


class BytesParser(BaseParser):
    """Bytes as they are: the view reads them from `request.data`, a stream."""

    media_type = "application/octet-stream"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        return stream
