"""What a caller is told when a request cannot be answered: a status, a code, a sentence, and the fields at fault."""

from dataclasses import asdict, dataclass
from typing import Any

MOST_ERRORS = 20
TITLES = {
    400: "Bad request",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    408: "Too slow",
    413: "Too large",
    415: "Unsupported media type",
    422: "Does not fit the signature",
    500: "Model failed",
    503: "Not available",
    504: "Too slow",
}


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing that is wrong: the column, tensor or key, what is wrong and the way out. `row` counts from 0."""

    field: str
    code: str
    detail: str
    row: int | None = None


class Refusal(Exception):
    """A request that gets a problem instead of an answer."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        errors: list[FieldError] | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors or []
        self.retry_after = retry_after

    def body(self, prediction_id: str) -> dict[str, Any]:
        """Problem details (RFC 9457); `error` is what v2 clients show."""
        return {
            "type": "about:blank",
            "title": TITLES.get(self.status, "Error"),
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            "error": self.detail,
            "errors": [_shown(error) for error in self.errors[:MOST_ERRORS]],
            "prediction_id": prediction_id,
        }


def _shown(error: FieldError) -> dict[str, Any]:
    return {name: value for name, value in asdict(error).items() if value is not None}


def refuse_fields(errors: list[FieldError]) -> Refusal:
    """One refusal for everything that is wrong; its code and sentence are those of the first."""
    first = errors[0]
    more = f" {len(errors) - 1} more are listed under errors." if len(errors) > 1 else ""
    return Refusal(400, first.code, first.detail + more, errors)


def bad(code: str, detail: str, field: str = "") -> Refusal:
    """A single thing wrong with the request."""
    return Refusal(400, code, detail, [FieldError(field, code, detail)] if field else None)
