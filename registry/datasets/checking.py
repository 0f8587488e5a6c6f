"""Carries out the checks of a data set over its rows; `row_checks` does the row by row work."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from registry.datasets.checks import INTEGER, Check, names_in
from registry.datasets.profiles import kind_of
from registry.datasets.reading import Table, quoted

SHOWN_ROWS = 100
LONGEST_VALUE = 120
ROW_BY_ROW = ("range", "categories", "pattern", "expression")
PASS, FAIL, UNKNOWN = "pass", "fail", "unknown"


@dataclass
class Result:
    """The answer to one check. `rows` are the first failing rows, counted from 1 without the header."""

    check: Check
    verdict: str = PASS
    measured: str = ""
    failed: int = 0
    rows: list[int] = field(default_factory=list)
    values: list[str] = field(default_factory=list)
    reason: str = ""

    def fails(self, count: int, rows: Sequence[int] = (), values: Sequence[Any] = ()) -> None:
        """Count failing rows; the first `SHOWN_ROWS` are kept with their values."""
        self.failed += count
        room = SHOWN_ROWS - len(self.rows)
        self.rows += [int(row) for row in rows[:room]]
        self.values += [str(value)[:LONGEST_VALUE] for value in values[:room]]
        self.verdict = FAIL if self.failed else self.verdict

    def is_unknown(self, reason: str) -> None:
        self.verdict, self.reason = UNKNOWN, reason

    def as_json(self) -> dict[str, Any]:
        return {
            "check": self.check.as_json(),
            "title": self.check.title,
            "verdict": self.verdict,
            "measured": self.measured,
            "failed": self.failed,
            "rows": self.rows,
            "values": self.values,
            "reason": self.reason,
        }


def carried_out(table: Table, checks: Sequence[Check], now: datetime) -> list[Result]:
    """One result per check, in their order. A check that could not be made is unknown and says why."""
    results = [Result(check) for check in checks]
    for result in results:
        if missing := sorted(set(named(result.check)) - set(table.schema.names)):
            result.is_unknown(f"There is no column {missing[0]}.")
        elif not table.rows and result.check.rule not in ("rows", "type"):
            result.is_unknown("There are no rows.")
    _row_by_row(table, [r for r in results if r.verdict == PASS and r.check.rule in ROW_BY_ROW])
    for result in results:
        if result.verdict == PASS and result.check.rule in WHOLE:
            WHOLE[result.check.rule](table, result, now)
    return results


def named(check: Check) -> list[str]:
    """The columns a check looks at."""
    return names_in(check.limits["expression"]) if check.rule == "expression" else list(check.columns)


def _row_by_row(table: Table, results: list[Result]) -> None:
    if results:
        # Late: pandera and pandas take seconds to import, and most data is measured without such a check.
        from registry.datasets import row_checks

        row_checks.carried_out(table, results)


def _type(table: Table, result: Result, now: datetime) -> None:
    name, wanted = result.check.columns[0], result.check.limits["type"]
    type_ = table.schema.field(name).type
    found = INTEGER if wanted == INTEGER and pa.types.is_integer(type_) else kind_of(type_)
    result.measured = str(type_)
    if found != wanted:
        result.fails(table.rows or 1)
        result.reason = f"{name} holds {found}, not {wanted}."


def _nulls(table: Table, result: Result, now: datetime) -> None:
    column = quoted(result.check.columns[0])
    ((missing,),) = table.ask(f"SELECT count(*) FILTER ({column} IS NULL) FROM data")
    share = missing / table.rows
    result.measured = f"{share:.2%} missing"
    if share > result.check.limits["most"]:
        rows = table.ask(f"SELECT n FROM {NUMBERED} WHERE {column} IS NULL ORDER BY n LIMIT {SHOWN_ROWS}")
        result.fails(missing, [row for (row,) in rows])


def _unique(table: Table, result: Result, now: datetime) -> None:
    key = ", ".join(map(quoted, result.check.columns))
    again = f"SELECT n, ({key}) AS k FROM {NUMBERED} QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY n) > 1"
    ((count,),) = table.ask(f"SELECT count(*) FROM ({again})")
    result.measured = f"{count} row{'' if count == 1 else 's'} again"
    if count:
        # As text: DuckDB hands out times with a zone only where pytz is installed.
        rows = table.ask(f"SELECT n, k::VARCHAR FROM ({again}) ORDER BY n LIMIT {SHOWN_ROWS}")
        result.fails(count, [row for row, _ in rows], [value for _, value in rows])


def _rows(table: Table, result: Result, now: datetime) -> None:
    least, most = result.check.limits.get("least", 0), result.check.limits.get("most")
    result.measured = f"{table.rows} rows"
    if table.rows < least or (most is not None and table.rows > most):
        result.fails(1)


def _fresh(table: Table, result: Result, now: datetime) -> None:
    name = result.check.columns[0]
    zoned = getattr(table.schema.field(name).type, "tz", None) is not None
    newest = f"max({quoted(name)})"
    ((found,),) = table.ask(f"SELECT {f'epoch_us({newest})' if zoned else newest} FROM data")
    at = datetime.fromtimestamp(found / 1e6, UTC) if zoned and found is not None else _moment(found)
    if at is None:
        result.is_unknown(f"{name} holds no time.")
        return
    result.measured = f"newest {at.isoformat(timespec='seconds')}"
    if now - at > timedelta(hours=result.check.limits["hours"]):
        result.fails(1)


def _moment(value: Any) -> datetime | None:
    """A date or time with its zone; without one it is taken as UTC."""
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    return datetime(value.year, value.month, value.day, tzinfo=UTC) if hasattr(value, "year") else None


NUMBERED = "(SELECT row_number() OVER () AS n, * FROM data)"
WHOLE = {"type": _type, "nulls": _nulls, "unique": _unique, "rows": _rows, "fresh": _fresh}
