"""Which reader takes a part, decided by its bytes."""

import re
from collections.abc import Callable
from pathlib import PurePath
from typing import Final

from registry.scanning import arrays, onnx, pickles, schemas, streams, tars, texts, zips
from registry.scanning.parts import Look, Part

HEAD: Final = 65_536
STORAGE: Final = re.compile(r"![^!/]+/data/[0-9]+$")
NATIVE: Final[dict[bytes, str]] = {
    b"\x7fELF": "ELF program",
    b"MZ": "Windows program",
    b"\xfe\xed\xfa": "Mach-O program",
    b"\xcf\xfa\xed\xfe": "Mach-O program",
    b"\xca\xfe\xba\xbe": "Java classes",
    b"\0asm": "WebAssembly",
}
# Formats that are known and that nobody reads here; their names help whoever looks.
UNREAD: Final[dict[bytes, str]] = {
    b"\x89HDF\r\n\x1a\n": "HDF5",
    b"GGUF": "GGUF",
    b"\x04\x22\x4d\x18": "LZ4",
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"ZF0x": "joblib's old packing",
    b"PAR1": "Parquet",
    b"ARROW1": "Arrow",
    b"SQLite format 3\0": "SQLite",
    b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"%PDF": "PDF",
    b"7z\xbc\xaf": "7-Zip",
    b"Rar!": "RAR",
}


def read(look: Look, part: Part) -> str:
    """Look at the part; the format it has."""
    head = part.read(0, HEAD)
    if not head:
        return "empty"
    if not pickles.is_pickle(head) and pickles.probe(head):
        # Whatever else it is, an unpickler would carry it out.
        return pickles.read(look, part)
    for fits, reader in BINARY:
        if fits(head, part):
            return reader(look, part)
    return _rest(look, part, head)


def _rest(look: Look, part: Part, head: bytes) -> str:
    for magic, name in NATIVE.items():
        if head.startswith(magic) and not (magic == b"MZ" and texts.is_text(part, head)):
            look.note(part, "native.code", f"It is machine code ({name}).")
            return name
    if texts.is_text(part, head):
        return _text(look, part)
    if PurePath(part.name).suffix == ".pyc":
        look.note(part, "native.code", "It is compiled Python.")
        return "compiled Python"
    if part.within == "torch" and STORAGE.search(part.name):
        return "torch storage"
    if part.within == "skops" and part.name.endswith(".bin"):
        return "bytes of skops"
    name = next((name for magic, name in UNREAD.items() if head.startswith(magic)), "unknown")
    said = f"No reader for {name}" if name != "unknown" else "Its format is not known"
    look.note(part, "format.unread", f"{said}, so nothing is said of it.")
    return name


def _text(look: Look, part: Part) -> str:
    member = part.name.rsplit("!", 1)[-1]
    if part.within == "skops" and member == "schema.json":
        return schemas.skops(look, part)
    if part.within == "keras" and member == "config.json":
        return schemas.keras(look, part)
    return texts.read(look, part)


def _pickle(look: Look, part: Part) -> str:
    return pickles.read(look, part, persistent=part.within == "torch" and part.name.endswith("data.pkl"))


def _stream(look: Look, part: Part) -> str:
    return streams.read(look, part, streams.kind_of(part.read(0, HEAD)))


Reader = Callable[[Look, Part], str]
BINARY: Final[tuple[tuple[Callable[[bytes, Part], bool], Reader], ...]] = (
    (lambda head, part: pickles.is_pickle(head), _pickle),
    (lambda head, part: head.startswith((zips.MAGIC, zips.EMPTY)), zips.read),
    (lambda head, part: head.startswith(arrays.NPY), arrays.read_npy),
    (lambda head, part: bool(streams.kind_of(head)), _stream),
    (lambda head, part: tars.is_tar(head), tars.read),
    (lambda head, part: arrays.is_safetensors(head, part.size), arrays.read_safetensors),
    (lambda head, part: onnx.is_onnx(part), onnx.read),
)
