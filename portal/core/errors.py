"""Refusals: one exception with a code and a sentence, the same for page, partial and API.

`code` is stable text for programs, `message` one sentence for people that says what to do next, `status` the HTTP
status, `fields` the message per input field, `extra` further members of the problem document.
"""

from collections.abc import Callable, Sequence
from typing import Any


class PortalError(Exception):
    status = 400
    code = "error"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        status: int | None = None,
        fields: dict[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.status = status or self.status
        self.fields = fields or {}
        self.extra = extra
        self.refused_act: Any = None

    def problem(self, *, instance: str = "", request_id: str = "") -> dict[str, Any]:
        """The RFC 9457 problem document of this refusal."""
        document: dict[str, Any] = {
            "type": f"/api/v1/problems/{self.code}/",
            "title": TITLES.get(self.status, "Refused"),
            "status": self.status,
            "code": self.code,
            "detail": self.message,
            "instance": instance,
            "request_id": request_id,
        }
        if self.fields:
            document["fields"] = self.fields
        return document | self.extra


class BadInput(PortalError):
    """The input cannot be understood or breaks a rule of shape."""

    status, code = 422, "bad_input"


def together(errors: Sequence[PortalError]) -> PortalError:
    """One refusal that says all of these, each field with its sentence. As it is where there is but one; of their kind
    where they are of one, else `BadInput`, with their status if they share it."""
    if len(errors) == 1:
        return errors[0]
    fields = {name: text for error in errors for name, text in error.fields.items()}
    text = " ".join(error.message for error in errors)
    statuses = {error.status for error in errors}
    if len({(error.status, error.code) for error in errors}) == 1:
        return type(errors[0])(text, code=errors[0].code, status=errors[0].status, fields=fields)
    return BadInput(text, fields=fields, status=statuses.pop() if len(statuses) == 1 else None)


def gathered(*calls: Callable[[], Any]) -> list[Any]:
    """What each of these answers; where any refuse, one refusal that says it of all of them."""
    found, wrong = [], []
    for call in calls:
        try:
            found.append(call())
        except PortalError as error:
            wrong.append(error)
    if wrong:
        raise together(wrong)
    return found


class NotSignedIn(PortalError):
    status, code = 401, "not_signed_in"


class NotAllowed(PortalError):
    """The actor may see it but not do it; the message says which permission is missing and who can grant it."""

    status, code = 403, "not_allowed"


class StepUpRequired(PortalError):
    """The act needs a fresh second look at the person."""

    status, code = 403, "step_up_required"


class NotFound(PortalError):
    """Missing, or not to be seen by this actor: the two look the same."""

    status, code = 404, "not_found"


class Refused(PortalError):
    """The rule says no in the present state."""

    status, code = 409, "refused"


class Stale(PortalError):
    """The page or digest the actor decided on is no longer the current one."""

    status, code = 409, "stale"


class Conflict(PortalError):
    status, code = 409, "conflict"


class Unavailable(PortalError):
    """Something we depend on is away or busy; trying again later may work."""

    status, code = 503, "unavailable"


class Away(Unavailable):
    """Something that all of it stands on: whatever was being done can wait until it is back."""


TITLES = {
    400: "Bad request",
    401: "Not signed in",
    403: "Not allowed",
    404: "Not found",
    409: "Refused in the present state",
    413: "Too large",
    422: "Input refused",
    429: "Too many requests",
    503: "Not available now",
    507: "No space",
}


# Called by the edges (page, API, gate) once the refused verb's transaction has been undone, so that an attempt at a
# guarded verb leaves its own trace. The audit app adds its recorder here.
ON_REFUSED: list[Callable[[PortalError], None]] = []


def note_refusal(error: PortalError) -> None:
    if error.refused_act is not None:
        for listener in ON_REFUSED:
            listener(error)
