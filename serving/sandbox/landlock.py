"""Landlock: what the process may read and write is a short list; TCP, signals and abstract sockets lead nowhere."""

import ctypes
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar, Final

from serving.sandbox import kernel

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = (1 << bit for bit in range(4))
TRUNCATE: Final = 1 << 14
# Rights by the version of the interface that brought them.
ALL_RIGHTS: Final = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
READ: Final = EXECUTE | READ_FILE | READ_DIR
OF_FILES: Final = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE
BOTH_TCP_RIGHTS: Final = 0b11
BOTH_SCOPES: Final = 0b11
MAKES_NO_FILE: Final = ~(1 << 6 | 1 << 11)
"""Everything but making device nodes."""


class _Ruleset(ctypes.Structure):
    _fields_: ClassVar = [("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64)]


class _PathRule(ctypes.Structure):
    _pack_ = 1
    _fields_: ClassVar = [("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32)]


def version() -> int:
    """The kernel's version of the interface. Raises OSError where there is none."""
    return kernel.landlock(kernel.LANDLOCK_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(1))


def restrict(readable: Iterable[Path], writable: Iterable[Path]) -> int:
    """Restrict this process for good; returns the interface version. `no_new_privs` must be set. Raises OSError."""
    abi = version()
    rights = max(mask for since, mask in ALL_RIGHTS.items() if since <= abi)
    ruleset = _Ruleset(rights, BOTH_TCP_RIGHTS if abi >= 4 else 0, BOTH_SCOPES if abi >= 6 else 0)
    size = 8 if abi < 4 else 16 if abi < 6 else 24
    descriptor = kernel.landlock(
        kernel.LANDLOCK_CREATE, ctypes.byref(ruleset), ctypes.c_size_t(size), ctypes.c_uint32(0)
    )
    try:
        for path in readable:
            _allow(descriptor, path, READ & rights)
        for path in writable:
            _allow(descriptor, path, rights & MAKES_NO_FILE & ~EXECUTE)
        kernel.landlock(kernel.LANDLOCK_RESTRICT, ctypes.c_int(descriptor), ctypes.c_uint32(0))
    finally:
        os.close(descriptor)
    return abi


def _allow(ruleset: int, path: Path, rights: int) -> None:
    """Allow what lies at and below a path; a missing path needs no rule."""
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            rights &= OF_FILES
        rule = _PathRule(rights, descriptor)
        kernel.landlock(
            kernel.LANDLOCK_ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(1), ctypes.byref(rule), ctypes.c_uint32(0)
        )
    finally:
        os.close(descriptor)
