"""What one evaluation after another says of several versions against the same base, on the same data."""

from collections.abc import Sequence
from dataclasses import dataclass

from portal.accounts import access
from portal.core.actors import Actor
from registry.evaluations.results import Comparison, ordered, read
from registry.models import DataSetVersion, Evaluation, ModelVersion

TONES = {"better": "ok", "worse": "bad", "unclear": "mute", "unknown": "warn"}


@dataclass(frozen=True, slots=True)
class Cell:
    """One version's difference to the base in one metric."""

    found: Comparison

    @property
    def tone(self) -> str:
        return TONES[self.found.reading]


@dataclass(frozen=True, slots=True)
class Line:
    """One metric: the base's value, and a cell a version; None where it was not measured."""

    name: str
    base: float | None
    cells: tuple[Cell | None, ...]

    @property
    def differs(self) -> bool:
        return any(cell is None or cell.found.difference != 0 for cell in self.cells)


@dataclass(frozen=True, slots=True)
class Evaluated:
    """The evaluations of all versions but the first, on one data set version with one set of settings."""

    data: DataSetVersion
    lines: tuple[Line, ...]
    evaluations: tuple[Evaluation | None, ...]

    @property
    def differing(self) -> tuple[Line, ...]:
        return tuple(line for line in self.lines if line.differs)


def common(actor: Actor, versions: Sequence[ModelVersion]) -> Evaluated | None:
    """The data and settings on which most of the versions were evaluated against the first, the newest of equals."""
    base, others = versions[0], list(versions[1:])
    rows = Evaluation.objects.filter(version__in=others, baseline=base, status="done").select_related("data__data_set")
    teams = access.visible_teams(actor)
    if teams is not None:
        rows = rows.filter(data__data_set__team_id__in=teams)
    groups: dict[tuple[int, str], dict[int, Evaluation]] = {}
    for row in rows.defer("results").order_by("-pk")[:200]:
        groups.setdefault((row.data_id, row.settings_digest), {}).setdefault(row.version_id, row)
    if not groups:
        return None
    best = max(groups.values(), key=lambda group: (len(group), max(row.pk for row in group.values())))
    chosen = tuple(best.get(version.pk) for version in others)
    return Evaluated(next(iter(best.values())).data, _lines(chosen), chosen)


def _lines(evaluations: Sequence[Evaluation | None]) -> tuple[Line, ...]:
    found = [read(row.results).comparison if row else {} for row in evaluations]
    names = ordered({name for one in found for name in one})
    lines = []
    for name in names:
        cells = tuple(Cell(one[name]) if name in one else None for one in found)
        lines.append(Line(name, next(cell.found.champion for cell in cells if cell), cells))
    return tuple(lines)
