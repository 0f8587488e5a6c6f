"""Which events of the log an export holds. The same keys as the filter of the audit page."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from portal.core.errors import BadInput

KEYS = ("actor", "type", "subject", "outcome", "from", "to", "request", "q")
LIKE_SPECIALS = str.maketrans({"\\": r"\\", "%": r"\%", "_": r"\_"})


@dataclass(frozen=True, slots=True)
class Selection:
    """Filters as in an address: `subject` is "type" or "type:id", `type` a verb or its noun, times are ISO 8601.

    Empty means everything. Times are those the database stamped; `to` as a day includes that day.
    """

    query: Mapping[str, str]

    @classmethod
    def of(cls, query: Mapping[str, str] | None) -> "Selection":
        """Refuses a key it does not know with BadInput, so that a misspelt filter never exports everything."""
        given = {key: value for key, value in (query or {}).items() if value}
        unknown = sorted(set(given) - set(KEYS))
        if unknown:
            raise BadInput(f"The log cannot be filtered by {', '.join(unknown)}. Use: {', '.join(KEYS)}.")
        return cls(given)

    @property
    def everything(self) -> bool:
        return not self.query

    def where(self) -> tuple[str, list[Any]]:
        """A condition on the event `e` that follows another one, and its values."""
        parts: list[tuple[str, list[Any]]] = []
        for key, value in self.query.items():
            parts.append(self._part(key, value))
        return "".join(f" AND {text}" for text, _ in parts), [value for _, values in parts for value in values]

    def _part(self, key: str, value: str) -> tuple[str, list[Any]]:
        if key == "subject":
            kind, _, pk = value.partition(":")
            return ("e.subject_type = %s AND e.subject_id = %s", [kind, pk]) if pk else ("e.subject_type = %s", [kind])
        if key == "type":
            return (
                ("e.type = %s", [value])
                if "." in value
                else ("e.type LIKE %s", [value.translate(LIKE_SPECIALS) + ".%"])
            )
        if key == "q":
            wanted = f"%{value.translate(LIKE_SPECIALS)}%"
            return "(e.subject_name ILIKE %s OR e.type ILIKE %s)", [wanted, wanted]
        if key in ("from", "to"):
            return f"e.at {'>=' if key == 'from' else '<='} %s", [_time(key, value)]
        column = {"actor": "actor_id", "outcome": "outcome", "request": "request_id"}[key]
        return f"e.{column} = %s", [value]


def _time(key: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInput(
            f"{key} must be a date like 2026-11-23 or a time like 2026-11-23T15:00:00Z.", fields={key: text}
        ) from error
    if len(text) <= 10 and key == "to":
        moment = moment.replace(hour=23, minute=59, second=59, microsecond=999_999)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
