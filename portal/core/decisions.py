"""The answer of a policy."""

from dataclasses import dataclass
from typing import Any

from portal.core.errors import NotAllowed


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether an act is allowed; when not, a stable code and a sentence that says why and what unblocks it."""

    allowed: bool
    code: str = ""
    reason: str = ""

    def __bool__(self) -> bool:
        return self.allowed

    def require(self, **extra: Any) -> None:
        """Raise `NotAllowed` with the reason unless allowed."""
        if not self.allowed:
            raise NotAllowed(self.reason, code=self.code or None, **extra)


ALLOWED = Decision(True)


def refused(code: str, reason: str) -> Decision:
    return Decision(False, code, reason)
