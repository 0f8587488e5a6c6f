"""Tar archives, member by member in the order they stand."""

import tarfile
from typing import Final

from registry.scanning.parts import Look, Part, Stop
from registry.scanning.paths import Names

MAGIC: Final = b"ustar"


def is_tar(head: bytes) -> bool:
    return head[257:262] == MAGIC


def read(look: Look, part: Part) -> str:
    """Look at each file; links and devices are refused, and so is what stands behind the end."""
    names = Names(look, part)
    try:
        with tarfile.open(fileobj=part.file(), mode="r:", errorlevel=2) as archive:
            for member in archive:
                look.budget.member()
                names.check(member.name)
                _member(look, part, member)
            end = archive.offset
    except (tarfile.TarError, OSError) as error:
        raise Stop("archive.unreadable", f"It cannot be read as a tar: {error}.") from error
    if any(chunk.strip(b"\0") for chunk in part.below("", end, part.size - end, "").chunks()):
        look.note(part, "archive.trailing", "Bytes stand behind its end.")
    return "tar"


def _member(look: Look, part: Part, member: tarfile.TarInfo) -> None:
    if member.isdir():
        return
    if not member.isreg() or member.issparse():
        look.note(part, "archive.link", f"The member {member.name!r} is a link, a device or full of holes.")
        return
    if member.offset_data + member.size > part.size:
        raise Stop("archive.unreadable", f"The member {member.name!r} is cut off.")
    look.into(part.below(member.name, member.offset_data, member.size, "tar"))
