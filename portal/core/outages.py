"""Faults of what the portal stands on, as refusals that say what to do: a database that is away, a full disk, and a
text that no database column can hold."""

import errno

from django.db.utils import DatabaseError, InterfaceError, OperationalError

from portal.core.errors import Away, BadInput, PortalError

AWAY = "The database is away. Reading and deciding go on when it is back; try again soon."
READ_ONLY = "The database takes no changes right now, and nothing of this was done. Reading goes on; try again soon."
BUSY = "Somebody else is changing this right now, and nothing of this was done. Try again in a few seconds."
FULL = "There is no space left to keep this, and nothing of it was done. Ask whoever runs the portal to make room."
NUL = "A text holds the character NUL, which is none that people write. Take it out and try again."

_READ_ONLY = "25006"
_FULL = "53100"
_BUSY = frozenset({"40001", "40P01", "55P03"})
"""Serialization failure, deadlock, and a lock that was waited for in vain."""
_SESSION_ENDED = frozenset({"25P03", "25P04"})
"""The server ends a transaction that takes too long; psycopg2 does not count that as operational."""
_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class NoSpace(PortalError):
    """A disk is full; an operator has to make room."""

    status, code = 507, "no_space"


def of_database(error: BaseException) -> PortalError | None:
    """The refusal for an error of the database that is nobody's mistake and passes; None for any other error."""
    code = getattr(error.__cause__, "pgcode", None) or ""
    if not isinstance(error, DatabaseError | InterfaceError):
        return None
    if code == _READ_ONLY:
        return Away(READ_ONLY, code="read_only")
    if code == _FULL:
        return NoSpace(FULL)
    if code in _BUSY:
        return Away(BUSY, code="locked")
    if isinstance(error, OperationalError | InterfaceError) or code in _SESSION_ENDED:
        return Away(AWAY)
    return None


def briefly(error: BaseException) -> str:
    """The first line of what it says, for logs."""
    return str(error).strip().split("\n", 1)[0]


def is_full_disk(error: BaseException | None) -> bool:
    """Whether a file could not be written for want of space."""
    return isinstance(error, OSError) and error.errno in _NO_SPACE


def of_anything(error: BaseException) -> PortalError | None:
    """As `of_database`, and the refusal for a file that could not be written for want of space."""
    return NoSpace(FULL) if is_full_disk(error) else of_database(error)


def of_request(error: BaseException) -> PortalError | None:
    """As `of_anything`, and the refusal for a text with NUL in it, which psycopg2 does not even send."""
    sent = isinstance(error, ValueError) and "NUL (0x00)" in str(error)
    return BadInput(NUL, status=400) if sent else of_anything(error)


def waited_for(error: Exception) -> PortalError | None:
    """The refusal for what work behind the scenes waits for, however long that takes; None for any other error."""
    return error if isinstance(error, Away | NoSpace) else of_anything(error)
