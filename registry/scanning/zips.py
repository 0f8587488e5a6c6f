"""Zip archives, read by their central directory and by their local headers, which must say the same of every byte.

Loaders differ in which of the two they believe and in what they check; whoever makes them differ hides something.
"""

import bz2
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from registry.scanning.parts import CHUNK, Look, Part, Stop
from registry.scanning.paths import Names

MAGIC: Final = b"PK\x03\x04"
EMPTY: Final = b"PK\x05\x06"
DIRECTORY: Final = b"PK\x01\x02"
DESCRIPTOR: Final = b"PK\x07\x08"
ENCRYPTED: Final = 0x1 | 0x40 | 0x2000
DEFERRED: Final = 0x8
STORED, DEFLATED, BZIP2, LZMA = 0, 8, 12, 14
DIRECTORY_MODE = 0x10


@dataclass(frozen=True, slots=True)
class Member:
    """One entry as both headers describe it: where its packed bytes are."""

    info: zipfile.ZipInfo
    start: int
    end: int


def read(look: Look, part: Part) -> str:
    """Look at each member; the kind of zip it is."""
    members = _members(look, part)
    kind = kind_of({member.info.filename for member in members})
    for member in members:
        look.budget.member()
        if not member.info.is_dir():
            _member(look, part, member, kind)
    return kind


def kind_of(names: set[str]) -> str:
    """What writes zips with these members: skops, torch, keras, numpy, or anybody."""
    if "schema.json" in names:
        return "skops"
    if any(name == "data.pkl" or name.endswith("/data.pkl") for name in names):
        return "torch"
    if "config.json" in names and any(name.endswith(".h5") or name == "metadata.json" for name in names):
        return "keras"
    if names and all(name.endswith(".npy") for name in names):
        return "npz"
    return "zip"


def _members(look: Look, part: Part) -> list[Member]:
    try:
        with zipfile.ZipFile(part.file()) as archive:
            infos = archive.infolist()
            directory, comment = archive.start_dir, archive.comment
    except (zipfile.BadZipFile, NotImplementedError, struct.error) as error:
        raise Stop("archive.trick", f"Its list of members is damaged: {error}.") from error
    if comment:
        look.note(part, "archive.trailing", "A comment stands behind its list of members.")
    names = Names(look, part)
    found, expected = [], 0
    for info in sorted(infos, key=lambda i: i.header_offset):
        look.budget.member()
        names.check(info.orig_filename)
        names.kind(info.filename, info.external_attr >> 16)
        member = _placed(look, part, info, expected)
        found.append(member)
        expected = member.end
    _complete(look, part, expected, directory)
    return found


def _placed(look: Look, part: Part, info: zipfile.ZipInfo, expected: int) -> Member:
    """The member where both headers say it is, right behind the one before it."""
    head = part.read(info.header_offset, 30)
    if len(head) < 30 or head[:4] != MAGIC:
        raise Stop("archive.trick", f"The member {info.filename!r} is not where the list says.")
    flags, method = struct.unpack("<HH", head[6:10])
    crc, packed, size = struct.unpack("<LLL", head[14:26])
    name_size, extra_size = struct.unpack("<HH", head[26:30])
    start = info.header_offset + 30 + name_size + extra_size
    if info.header_offset != expected:
        look.note(part, "archive.trick", f"The member {info.filename!r} overlaps another, or bytes hide before it.")
    if (flags | info.flag_bits) & ENCRYPTED:
        look.note(part, "archive.trick", f"The member {info.filename!r} says that it is encrypted.")
    raw = part.read(info.header_offset + 30, name_size)
    if raw != _raw_name(info) or method != info.compress_type:
        look.note(part, "archive.trick", f"The member {info.filename!r} has another name or packing in its own header.")
    if not flags & DEFERRED and not _sizes_agree(info, crc, packed, size):
        look.note(part, "archive.trick", f"The member {info.filename!r} has another size or checksum in its header.")
    end = start + info.compress_size
    if flags & DEFERRED:
        end += _descriptor(part, end, info)
    return Member(info, start, end)


def _raw_name(info: zipfile.ZipInfo) -> bytes:
    return info.orig_filename.encode("utf-8" if info.flag_bits & 0x800 else "cp437", "replace")


def _sizes_agree(info: zipfile.ZipInfo, crc: int, packed: int, size: int) -> bool:
    far = 0xFFFFFFFF
    return (
        crc == info.CRC
        and packed in (info.compress_size, far)
        and size in (info.file_size, far)
        and (far not in (packed, size) or info.file_size >= 0)
    )


def _descriptor(part: Part, at: int, info: zipfile.ZipInfo) -> int:
    """The length of the sizes that follow the bytes of a member that was written as a stream."""
    signed = 4 if part.read(at, 4) == DESCRIPTOR else 0
    for form, length in (("<LLL", 12), ("<LQQ", 20)):
        raw = part.read(at + signed, length)
        if len(raw) == length and struct.unpack(form, raw) == (info.CRC, info.compress_size, info.file_size):
            return signed + length
    return 0


def _complete(look: Look, part: Part, end: int, directory: int) -> None:
    """Nothing may hide between the last member and the list, or behind the list."""
    if end != directory:
        look.note(part, "archive.trick", f"{abs(directory - end)} bytes before its list belong to no member.")
    tail = part.read(max(0, part.size - 22), 22)
    if tail[:4] != EMPTY:
        look.note(part, "archive.trailing", "Bytes stand behind its list of members.")


def _member(look: Look, part: Part, member: Member, kind: str) -> None:
    info = member.info
    packed = Part(part.name, part.descriptor, part.start + member.start, info.compress_size, part.depth)
    if info.compress_type == STORED:
        if info.compress_size != info.file_size or _crc(packed.chunks()) != info.CRC:
            look.note(part, "archive.trick", f"The member {info.filename!r} does not have the checksum it claims.")
        look.into(part.below(info.filename, member.start, info.compress_size, kind))
        return
    unpack = _unpacker(info)
    with look.expanded(part, info.filename, info.compress_size, _unpacked(packed, unpack), kind) as whole:
        if whole.size != info.file_size or _crc(whole.chunks()) != info.CRC:
            look.note(part, "archive.trick", f"The member {info.filename!r} does not have the checksum it claims.")
        if getattr(unpack, "unused_data", b""):
            look.note(part, "archive.trick", f"Bytes hide behind the end of the member {info.filename!r}.")
        look.into(whole)


def _unpacker(info: zipfile.ZipInfo) -> Any:
    makers: dict[int, Callable[[], Any]] = {DEFLATED: lambda: zlib.decompressobj(-15), BZIP2: bz2.BZ2Decompressor}
    if info.compress_type not in makers:
        raise Stop("archive.unreadable", f"The member {info.filename!r} is packed in a way that is not read.")
    return makers[info.compress_type]()


def _unpacked(packed: Part, unpack: Any) -> Iterator[bytes]:
    """What deflate or bzip2 makes of it, a piece at a time."""
    try:
        for piece in packed.chunks():
            if isinstance(unpack, bz2.BZ2Decompressor):
                yield from _pieces_bz2(unpack, piece)
            else:
                yield from _pieces_zlib(unpack, piece)
        if not unpack.eof:
            raise Stop("archive.trick", "A member ends before its packing does.")
    except (zlib.error, OSError, lzma.LZMAError) as error:
        raise Stop("archive.trick", f"A member cannot be unpacked: {error}.") from error


def _pieces_zlib(unpack: Any, piece: bytes) -> Iterator[bytes]:
    while piece and not unpack.eof:
        yield unpack.decompress(piece, CHUNK)
        piece = unpack.unconsumed_tail


def _pieces_bz2(unpack: bz2.BZ2Decompressor, piece: bytes) -> Iterator[bytes]:
    if not unpack.eof:
        yield unpack.decompress(piece, CHUNK)
    while not (unpack.eof or unpack.needs_input):
        yield unpack.decompress(b"", CHUNK)


def _crc(chunks: Iterator[bytes]) -> int:
    value = 0
    for chunk in chunks:
        value = zlib.crc32(chunk, value)
    return value
