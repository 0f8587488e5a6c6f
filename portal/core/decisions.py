"""The answer of a policy."""

from dataclasses import dataclass
from typing import Any

from portal.core.errors import NotAllowed, Refused


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether an act is allowed; when not, a stable code and a sentence that says why and what unblocks it.

    `passing` says that the present state is in the way, rather than who asks.
    """

    allowed: bool
    code: str = ""
    reason: str = ""
    passing: bool = False

    def __bool__(self) -> bool:
        return self.allowed

    def require(self, **extra: Any) -> None:
        """Raise `NotAllowed`, or `Refused` where the state is in the way, with the reason unless allowed."""
        if not self.allowed:
            raise (Refused if self.passing else NotAllowed)(self.reason, code=self.code or None, **extra)


ALLOWED = Decision(True)


def refused(code: str, reason: str) -> Decision:
    return Decision(False, code, reason)


def refused_now(code: str, reason: str) -> Decision:
    """Not in this state, whoever asks."""
    return Decision(False, code, reason, passing=True)
