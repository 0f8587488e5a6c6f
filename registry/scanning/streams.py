"""Compressed streams: gzip, bzip2, xz and zlib, as joblib and everybody writes them. Several may follow each other."""

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Final

from registry.scanning.parts import CHUNK, Look, Part, Stop

GZIP: Final = b"\x1f\x8b\x08"
BZIP: Final = b"BZh"
XZ: Final = b"\xfd7zXZ\x00"
LZMA: Final = b"\x5d\x00\x00"
MEMORY = 512 * 1024**2
MAKERS: Final[dict[str, Callable[[], Any]]] = {
    "gzip": lambda: zlib.decompressobj(31),
    "zlib": lambda: zlib.decompressobj(15),
    "bzip2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(memlimit=MEMORY),
}


def kind_of(head: bytes) -> str:
    """The packing by its first bytes, "" for none. zlib has no mark of its own, so it is tried."""
    if head.startswith(GZIP):
        return "gzip"
    if head.startswith(BZIP) and head[4:10] == b"1AY&SY":
        return "bzip2"
    if head.startswith((XZ, LZMA)):
        return "xz"
    if head[:1] == b"\x78" and len(head) > 2 and int.from_bytes(head[:2], "big") % 31 == 0 and _tried(head):
        return "zlib"
    return ""


def _tried(head: bytes) -> bool:
    try:
        zlib.decompressobj(15).decompress(head, 64)
    except zlib.error:
        return False
    return True


def read(look: Look, part: Part, kind: str) -> str:
    """Unpack it and look at what is inside."""
    look.budget.member()
    with look.expanded(part, "content", part.size, _unpacked(look, part, kind), kind) as whole:
        return f"{kind} of {look.into(whole)}"


def _unpacked(look: Look, part: Part, kind: str) -> Iterator[bytes]:
    unpack = MAKERS[kind]()
    try:
        for piece in part.chunks():
            while piece:
                if unpack.eof:
                    if kind_of(piece) != kind:
                        look.note(part, "archive.trailing", "Bytes follow the end of the packing.")
                        return
                    unpack = MAKERS[kind]()
                yield from _pieces(unpack, piece)
                piece = unpack.unused_data if unpack.eof else b""
    except (zlib.error, OSError, lzma.LZMAError, EOFError) as error:
        raise Stop("archive.unreadable", f"It cannot be unpacked: {error}.") from error
    if not unpack.eof:
        raise Stop("archive.unreadable", "It ends before its packing does.")


def _pieces(unpack: Any, piece: bytes) -> Iterator[bytes]:
    """What one piece of the stream unpacks to, never more than a chunk at a time."""
    if hasattr(unpack, "needs_input"):
        yield unpack.decompress(piece, CHUNK)
        while not (unpack.eof or unpack.needs_input):
            yield unpack.decompress(b"", CHUNK)
        return
    while piece and not unpack.eof:
        yield unpack.decompress(piece, CHUNK)
        piece = unpack.unconsumed_tail
