"""Plain arrays: NumPy's `.npy` and safetensors. Their headers are read strictly, and must account for every byte."""

import ast
import json
import math
import struct
from typing import Any, Final

from registry.scanning import pickles
from registry.scanning.parts import Look, Part, Stop

NPY: Final = b"\x93NUMPY"
HEADER: Final = 1024 * 1024
SAFETENSORS_HEADER: Final = 100 * 1024**2
WIDTHS: Final = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0"), 1),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 2),
    **dict.fromkeys(("U32", "I32", "F32"), 4),
    **dict.fromkeys(("U64", "I64", "F64", "C64"), 8),
}


def read_npy(look: Look, part: Part) -> str:
    """The header as a literal; an array of objects is a pickle and is read as one."""
    major = part.read(6, 1)[:1]
    sized = 2 if major == b"\x01" else 4
    length = int.from_bytes(part.read(8, sized), "little")
    if major not in (b"\x01", b"\x02", b"\x03") or length > HEADER:
        raise Stop("array.unreadable", "Its header is none that NumPy writes.")
    body = 8 + sized + length
    try:
        header = ast.literal_eval(part.read(8 + sized, length).decode("utf-8" if major == b"\x03" else "latin-1"))
        descr, shape = header["descr"], header["shape"]
        width, objects = _dtype(descr)
        wanted = width * math.prod(int(side) for side in shape)
    except (ValueError, SyntaxError, KeyError, TypeError) as error:
        raise Stop("array.unreadable", "Its header is none that NumPy writes.") from error
    if objects:
        pickles.read(look, part.below("objects", body, part.size - body, "npy"))
        return "npy of objects"
    if part.size - body != wanted or wanted < 0:
        raise Stop("array.unreadable", f"{part.size - body} bytes follow its header, which promises {wanted}.")
    return "npy"


def _dtype(descr: Any) -> tuple[int, bool]:
    """Width of one element, and whether it holds Python objects."""
    import numpy as np

    dtype = np.lib.format.descr_to_dtype(descr)
    return dtype.itemsize, bool(dtype.hasobject)


def is_safetensors(head: bytes, size: int) -> bool:
    """Eight bytes of length and a JSON object. A length beyond the file is taken for a lie, not for another format."""
    return len(head) > 8 and head[8:9] == b"{" and (head[6:8] == b"\0\0" or int.from_bytes(head[:8], "little") < size)


def read_safetensors(look: Look, part: Part) -> str:
    """Raises `Stop` where the header lies about lengths, overlaps, or leaves bytes over."""
    (length,) = struct.unpack("<Q", part.read(0, 8))
    if length > min(SAFETENSORS_HEADER, part.size - 8):
        raise Stop("safetensors.header", f"Its header claims {length} bytes.")
    try:
        header = json.loads(part.read(8, length), object_pairs_hook=_once)
        spans = sorted(_span(name, about) for name, about in header.items() if name != "__metadata__")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Stop("safetensors.header", f"Its header is not what the format allows: {error}.") from error
    at = 0
    for begin, end, name in spans:
        if begin != at:
            raise Stop("safetensors.header", f"The tensor {name!r} overlaps another, or leaves a gap before it.")
        at = end
    if 8 + length + at != part.size:
        raise Stop("safetensors.header", f"{part.size - 8 - length - at} bytes belong to no tensor.")
    _metadata(header.get("__metadata__", {}))
    return "safetensors"


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _span(name: str, about: dict[str, Any]) -> tuple[int, int, str]:
    begin, end = (int(edge) for edge in about["data_offsets"])
    wanted = WIDTHS[about["dtype"]] * math.prod(int(side) for side in about["shape"])
    if set(about) != {"dtype", "shape", "data_offsets"} or begin < 0 or end - begin != wanted:
        raise ValueError(f"{name!r} has another size than its shape")
    return begin, end, name


def _metadata(found: Any) -> None:
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise Stop("safetensors.header", "Its metadata holds more than text.")
