"""What the agent says when it cannot do what was asked."""

from typing import Any


class Refused(Exception):
    """A call that is refused: HTTP status, stable code, one sentence, and what else helps."""

    def __init__(self, status: int, code: str, detail: str, **extra: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.extra = extra


def conflict(code: str, detail: str, **extra: Any) -> Refused:
    return Refused(409, code, detail, **extra)
