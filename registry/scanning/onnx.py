"""ONNX, read field by field as the format's own description numbers them. Nothing is built.

Weights outside of the file name paths that the runtime would open; operators of other domains come with a library.
What has a field that this reader does not know is not known.
"""

from collections.abc import Iterator
from typing import Final

from registry.scanning.parts import Look, Part, Stop

DOMAINS: Final = frozenset(
    {"", "ai.onnx", "ai.onnx.ml", "ai.onnx.training", "ai.onnx.preview.training", "com.microsoft"}
)
DEPTH: Final = 40
# Message to its fields: another message, a word for what is looked at, or None for plain data.
FIELDS: Final[dict[str, dict[int, str | None]]] = {
    "model": {
        **dict.fromkeys((1, 2, 3, 4, 5, 6, 14, 26), None), 7: "graph", 8: "opset", 20: "training", 25: "function",
    },
    "graph": {
        **dict.fromkeys((2, 10, 11, 12, 13, 14, 16), None), 1: "node", 5: "tensor", 15: "sparse",
    },
    "node": {**dict.fromkeys((1, 2, 3, 4, 6, 8, 9, 10), None), 5: "attribute", 7: "domain"},
    "attribute": {
        **dict.fromkeys((1, 2, 3, 4, 7, 8, 9, 13, 14, 15, 20, 21), None),
        5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse",
    },
    "tensor": {**dict.fromkeys((1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 16), None), 13: "external", 14: "location"},
    "sparse": {1: "tensor", 2: "tensor", 3: None},
    "opset": {1: "domain", 2: None},
    "training": {1: "graph", 2: "graph", 3: None, 4: None},
    "function": {
        **dict.fromkeys((1, 2, 4, 5, 6, 8, 12, 13, 14), None), 7: "node", 9: "opset", 10: "domain", 11: "attribute",
    },
}  # fmt: skip


def is_onnx(part: Part) -> bool:
    """It has no mark of its own: the first field is the format's number, and there is a graph."""
    if part.read(0, 1) != b"\x08":
        return False
    try:
        return any(number == 7 and size for number, _, size in _fields(part))
    except Stop:
        return False


def read(look: Look, part: Part) -> str:
    _message(look, part, "model", 0)
    return "ONNX"


def _message(look: Look, part: Part, kind: str, depth: int) -> None:
    if depth > DEPTH:
        raise Stop("onnx.unreadable", f"Its graphs lie deeper than {DEPTH} in each other.")
    known = FIELDS[kind]
    for number, start, size in _fields(part):
        if number not in known:
            raise Stop("onnx.unreadable", f"Its {kind} has a field {number} that is not read.")
        meaning = known[number]
        if meaning is None:
            continue
        inner = Part(part.name, part.descriptor, part.start + start, size, part.depth)
        if meaning in FIELDS:
            _message(look, inner, meaning, depth + 1)
        else:
            _word(look, inner, meaning)


def _word(look: Look, part: Part, meaning: str) -> None:
    raw = part.read(0, min(part.size, 300))
    if meaning == "external" or (meaning == "location" and raw != b"\0"):
        look.note(
            part, "onnx.external_data", "Its weights lie outside of it, at paths that whoever runs it would open."
        )
    if meaning == "domain" and raw.decode("utf-8", "replace") not in DOMAINS:
        look.note(part, "onnx.operator", f"It needs operators of {raw[:80]!r}, which come as a library.")


def _fields(part: Part) -> Iterator[tuple[int, int, int]]:
    """Number, offset and size of each field of one message. Raises `Stop` where it is no message."""
    at = 0
    while at < part.size:
        key, at = _varint(part, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            start = at
            _, at = _varint(part, at)
            yield number, start, at - start
            continue
        if wire == 2:
            size, at = _varint(part, at)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise Stop("onnx.unreadable", "It holds a field of a kind that is not read.")
        if number == 0 or at + size > part.size:
            raise Stop("onnx.unreadable", "A field of it is longer than what holds it.")
        yield number, at, size
        at += size


def _varint(part: Part, at: int) -> tuple[int, int]:
    value = 0
    for shift, byte in enumerate(part.read(at, 10)):
        value |= (byte & 0x7F) << (7 * shift)
        if not byte & 0x80:
            return value, at + shift + 1
    raise Stop("onnx.unreadable", "It holds a number without an end.")
