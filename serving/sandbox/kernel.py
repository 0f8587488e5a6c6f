"""The few calls of the kernel that Python's library does not offer."""

import ctypes
import os
from typing import Final

CLONE_NEWNS: Final = 0x0002_0000
CLONE_NEWIPC: Final = 0x0800_0000
CLONE_NEWUSER: Final = 0x1000_0000
CLONE_NEWNET: Final = 0x4000_0000

MS_RDONLY: Final = 1
MS_NOSUID: Final = 2
MS_NODEV: Final = 4
MS_REMOUNT: Final = 32
MS_BIND: Final = 4096
MS_REC: Final = 16_384
MS_PRIVATE: Final = 1 << 18
MNT_DETACH: Final = 2

PR_CAPBSET_DROP: Final = 24
PR_SET_NO_NEW_PRIVS: Final = 38
PR_CAP_AMBIENT: Final = 47
PR_CAP_AMBIENT_CLEAR_ALL: Final = 4
LAST_CAPABILITY: Final = 63
CAPABILITY_VERSION: Final = 0x2008_0522

PIDFD_GETFD: Final = 438

LANDLOCK_CREATE: Final = 444
LANDLOCK_ADD_RULE: Final = 445
LANDLOCK_RESTRICT: Final = 446

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def prctl(option: int, first: int = 0, second: int = 0) -> None:
    longs = [ctypes.c_ulong(v) for v in (first, second, 0, 0)]
    _checked(_libc.prctl(option, *longs), "prctl")


def unshare(flags: int) -> None:
    _checked(_libc.unshare(flags), "unshare")


def mount(source: str | None, target: str, kind: str | None = None, flags: int = 0, options: str | None = None) -> None:
    texts = [None if text is None else os.fsencode(text) for text in (source, target, kind, options)]
    result = _libc.mount(texts[0], texts[1], texts[2], ctypes.c_ulong(flags), texts[3])
    _checked(result, f"mount {target}")


def pivot_here() -> None:
    """Make the current folder the root and let go of the old one."""
    _checked(_libc.pivot_root(b".", b"."), "pivot_root")
    _checked(_libc.umount2(b".", MNT_DETACH), "umount2")
    os.chdir("/")


def drop_capabilities() -> None:
    """Give up every capability, also those a later exec could bring."""
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    for number in range(LAST_CAPABILITY + 1):
        try:
            prctl(PR_CAPBSET_DROP, number)
        except OSError:
            break  # past the kernel's last capability, or no right to: the sets below are emptied either way
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    sets = (ctypes.c_uint32 * 6)()
    _checked(_libc.capset(ctypes.byref(header), ctypes.byref(sets)), "capset")


def landlock(number: int, *arguments: object) -> int:
    """One of Landlock's three calls. Raises OSError."""
    return _checked(int(_libc.syscall(ctypes.c_long(number), *arguments)), "landlock")


def descriptor_of(handle: int, number: int) -> int:
    """A descriptor of our own for what a process, known by its handle, has open under a number. Raises OSError."""
    arguments = (ctypes.c_int(handle), ctypes.c_int(number), ctypes.c_uint(0))
    return _checked(int(_libc.syscall(ctypes.c_long(PIDFD_GETFD), *arguments)), "pidfd_getfd")
