"""What the evaluations found on which the evidence of a request rests."""

from dataclasses import dataclass, field
from typing import Any

from registry.evaluations.results import BadResults
from registry.models import Evaluation
from registry.selectors import reports
from registry.selectors.reports import Report

FIRST = ("quality", "slices", "calibration", "speed")
"""Gates in the order in which their evaluation is the one to show."""


@dataclass(frozen=True, slots=True)
class Pinned:
    """The evaluation that is shown, its report once it is done, and the other ones by name only.

    `problem` says why there is no report; `changed` that the results are not those that were frozen.
    """

    evaluation: Evaluation | None = None
    report: Report | None = None
    others: tuple[Evaluation, ...] = field(default=())
    problem: str = ""
    changed: bool = False

    @property
    def all(self) -> tuple[Evaluation, ...]:
        return (self.evaluation, *self.others) if self.evaluation else ()


def of(evidence: dict[str, Any]) -> Pinned:
    """The evaluations of this evidence, that of the quality gate first: two questions, whatever their number."""
    digests = {one["number"]: one["digest"] for one in evidence.get("evaluations", [])}
    if not digests:
        return Pinned()
    rows = {row.pk: row for row in _rows(list(digests)).defer("results")}
    number = _first(evidence, rows)
    if number is None:
        return Pinned(problem="The evaluation this rests on is no longer on record.")
    row = _rows([number]).get()
    others = tuple(row for pk, row in sorted(rows.items()) if pk != number)
    changed = row.digest != digests[number]
    try:
        report = reports.of(row)
    except BadResults as error:
        return Pinned(row, None, others, str(error), changed)
    return Pinned(row, report, others, "" if report else f"{_words(row)} {row.status_note}".strip(), changed)


def _rows(numbers: list[int]) -> Any:
    related = ("version__model", "baseline__model", "data__data_set")
    return Evaluation.objects.filter(pk__in=numbers).select_related(*related)


def _first(evidence: dict[str, Any], rows: dict[int, Evaluation]) -> int | None:
    links = {check["code"]: str(check.get("link") or "") for check in evidence.get("checks", [])}
    for code in FIRST:
        number = links.get(code, "").removeprefix("/evaluations/").strip("/")
        if number.isdigit() and int(number) in rows:
            return int(number)
    return min(rows, default=None)


def _words(row: Evaluation) -> str:
    waiting = "Its numbers stand here once it is done." if row.status in ("queued", "running") else "It found nothing."
    return f"Evaluation {row.pk} is {row.get_status_display().lower()}. {waiting}"
