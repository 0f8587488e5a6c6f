"""The binary tensor extension of the Open Inference Protocol: tensors as raw bytes behind the JSON."""

import struct
from typing import Any

import numpy as np

from serving.worker.refusals import bad

DTYPES: dict[str, str] = {
    "BOOL": "?",
    **{f"INT{8 * size}": f"<i{size}" for size in (1, 2, 4, 8)},
    **{f"UINT{8 * size}": f"<u{size}" for size in (1, 2, 4, 8)},
    **{f"FP{8 * size}": f"<f{size}" for size in (2, 4, 8)},
}
BYTES = "BYTES"


def decode(raw: bytes, datatype: str, name: str) -> Any:
    """The values of one tensor, flat. Raises `Refusal`."""
    if datatype == BYTES:
        return _texts(raw, name)
    dtype = np.dtype(DTYPES[datatype])
    if len(raw) % dtype.itemsize:
        raise bad("wrong_shape", f"{name}: {len(raw)} bytes are not whole numbers of type {datatype}.", name)
    return np.frombuffer(raw, dtype=dtype)


def encode(values: Any, datatype: str) -> bytes:
    """One tensor as raw bytes, row by row."""
    if datatype != BYTES:
        return np.ascontiguousarray(values, dtype=DTYPES[datatype]).tobytes()
    texts = [v if isinstance(v, bytes) else str(v).encode() for v in np.ravel(values).tolist()]
    return b"".join(struct.pack("<I", len(text)) + text for text in texts)


def _texts(raw: bytes, name: str) -> Any:
    found, at = [], 0
    while at < len(raw):
        if at + 4 > len(raw):
            raise bad("wrong_shape", f"{name}: its bytes end within a length.", name)
        size = struct.unpack_from("<I", raw, at)[0]
        text = raw[at + 4 : at + 4 + size]
        if len(text) != size:
            raise bad("wrong_shape", f"{name}: its bytes end within a text.", name)
        try:
            found.append(text.decode())
        except UnicodeDecodeError as error:
            raise bad("wrong_type", f"{name}: a text is not UTF-8.", name) from error
        at += 4 + size
    return np.array(found, dtype=object)
