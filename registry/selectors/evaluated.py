"""What one evaluation after another says of several versions against the same base, on the same data."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from django.db.models import Q, QuerySet

from portal.accounts import access
from portal.core.actors import Actor
from portal.ui.svg import Scale
from registry.evaluations import names
from registry.evaluations.results import BadResults, Comparison, Reading, Results, ordered, read
from registry.models import DataSetVersion, Evaluation, ModelVersion
from registry.reports import figures, rows
from registry.reports.figures import Drawing, Side
from registry.reports.rows import Drawn, SliceRow

IDENTITIES = ("champ", "chall", "third", "fourth")
TURNED: dict[Reading, Reading] = {"better": "worse", "worse": "better"}
NEWEST = 200
"""So many evaluations are looked through; their results are read of those that are shown alone."""
FEW = 12


@dataclass(frozen=True, slots=True)
class Cell:
    """One version's difference to the base in one metric."""

    found: Comparison

    @property
    def tone(self) -> str:
        return rows.READINGS[self.found.reading][0]

    @property
    def words(self) -> str:
        return rows.READINGS[self.found.reading][1]

    @property
    def drawn(self) -> Drawn | None:
        return rows.drawn(self.found)


@dataclass(frozen=True, slots=True)
class Line:
    """One metric: the base's value, and a cell a version; None where it was not measured."""

    name: str
    base: float | None
    cells: tuple[Cell | None, ...]

    @property
    def label(self) -> str:
        return names.label(self.name)

    @property
    def explained(self) -> str:
        return names.explained(self.name)

    @property
    def differs(self) -> bool:
        return any(cell is None or cell.found.difference != 0 for cell in self.cells)


@dataclass(frozen=True, slots=True)
class SliceLine:
    """One slice, and its answer for each version; None where it was not looked at."""

    name: str
    n: int
    cells: tuple[SliceRow | None, ...]

    @property
    def low(self) -> float:
        """The largest loss that is left open for any of the versions."""
        return min((cell.drawn.low for cell in self.cells if cell and cell.drawn), default=0.0)


@dataclass(frozen=True, slots=True)
class Evaluated:
    """The evaluations of all versions but the first, on one data set version with one set of settings.

    `notes` says for each of them why there is nothing to compare ("" where there is). `problem` is said instead of all
    else when results cannot be read.
    """

    data: DataSetVersion | None
    notes: tuple[str, ...]
    lines: tuple[Line, ...] = ()
    evaluations: tuple[Evaluation | None, ...] = ()
    slices: tuple[SliceLine, ...] = ()
    slice_metric: str = ""
    drawing: Drawing = field(default_factory=lambda: Drawing((), ()))
    problem: str = ""

    @property
    def differing(self) -> tuple[Line, ...]:
        return tuple(line for line in self.lines if line.differs)

    @property
    def scale(self) -> Scale:
        return rows.scale_of([cell.drawn for line in self.lines for cell in line.cells if cell])

    @property
    def slice_scale(self) -> Scale:
        return rows.slice_scale([cell for line in self.slices for cell in line.cells if cell])

    @property
    def few_slices(self) -> tuple[SliceLine, ...]:
        return self.slices[:FEW]


def common(actor: Actor, versions: Sequence[ModelVersion]) -> Evaluated:
    """The data and settings on which most of the versions were evaluated against the first, the newest of equals. An
    evaluation the other way round counts as well, turned; its slices do not, since they ask for losses only."""
    base, others = versions[0], list(versions[1:])
    together = Q(version__in=others, baseline=base) | Q(version=base, baseline__in=others)
    groups: dict[tuple[int, str], dict[int, Evaluation]] = {}
    for row in _visible(actor).filter(together).defer("results").order_by("-pk")[:NEWEST]:
        group = groups.setdefault((row.data_id, row.settings_digest), {})
        other = row.baseline_id if row.version_id == base.pk else row.version_id
        assert other is not None
        kept = group.get(other)
        if kept is None or (_turned(kept, base) and not _turned(row, base)):
            group[other] = row
    if not groups:
        return Evaluated(None, _notes(actor, base, others, None))
    best = max(groups.values(), key=lambda group: (len(group), max(row.pk for row in group.values())))
    data = next(iter(best.values())).data
    missing = [one for one in others if one.pk not in best]
    said = dict(zip((one.pk for one in missing), _notes(actor, base, missing, data), strict=True))
    notes = tuple(said.get(one.pk, "") for one in others)
    try:
        return _read(base, others, best, data, notes)
    except BadResults as error:
        return Evaluated(data, notes, problem=str(error))


def _turned(row: Evaluation, base: ModelVersion) -> bool:
    """Whether the base is what was evaluated, and the other one what it was compared with."""
    return row.version_id == base.pk


def _visible(actor: Actor) -> QuerySet[Evaluation]:
    found = Evaluation.objects.filter(status="done").select_related("data__data_set", "version", "baseline")
    teams = access.visible_teams(actor)
    return found if teams is None else found.filter(data__data_set__team_id__in=teams)


def _notes(
    actor: Actor, base: ModelVersion, others: Sequence[ModelVersion], data: DataSetVersion | None
) -> tuple[str, ...]:
    """Why each of these has no difference to the base: other test sets, or none."""
    if not others:
        return ()
    known = _visible(actor).filter(Q(version__in=[base, *others]) | Q(baseline__in=[base, *others]))
    on: dict[int, dict[int, str]] = {}
    for row in known.only("version_id", "baseline_id", "data__number", "data__data_set__name")[:NEWEST]:
        for version in (row.version_id, row.baseline_id):
            if version is not None:
                on.setdefault(version, {})[row.data_id] = str(row.data)
    here = {data.pk: str(data)} if data else on.get(base.pk, {})
    return tuple(_note(base, on.get(one.pk, {}), here) for one in others)


def _note(base: ModelVersion, own: dict[int, str], here: dict[int, str]) -> str:
    if not own or not here:
        return "not evaluated"
    if set(own) & set(here):
        return f"not evaluated together with v{base.number}"
    return f"not comparable: different test sets ({', '.join(sorted(own.values())[:3])})"


def _read(
    base: ModelVersion,
    others: Sequence[ModelVersion],
    best: dict[int, Evaluation],
    data: DataSetVersion,
    notes: tuple[str, ...],
) -> Evaluated:
    chosen = tuple(best.get(version.pk) for version in others)
    turns = [row is not None and _turned(row, base) for row in chosen]
    found = [read(row.results) if row else None for row in chosen]
    compared = [_compared(one, way) for one, way in zip(found, turns, strict=True)]
    straight = [None if way else one for one, way in zip(found, turns, strict=True)]
    metric = next((one.slices.metric for one in straight if one and one.slices), "")
    return Evaluated(
        data,
        notes,
        _lines(compared),
        chosen,
        _slices(straight),
        metric,
        figures.drawing(_sides(base, others, found, turns)),
    )


def _compared(one: Results | None, turn: bool) -> dict[str, Comparison]:
    if one is None:
        return {}
    return {name: turned(was) if turn else was for name, was in one.comparison.items()}


def turned(one: Comparison) -> Comparison:
    """The same comparison seen from the other version."""
    low, high, apart = (None if end is None else -end for end in (one.high, one.low, one.difference))
    reading = TURNED.get(one.reading, one.reading)
    return replace(
        one,
        champion=one.challenger,
        challenger=one.champion,
        difference=apart,
        low=low,
        high=high,
        reading=reading,
    )


def _lines(found: Sequence[dict[str, Comparison]]) -> tuple[Line, ...]:
    lines = []
    for name in ordered({name for one in found for name in one}):
        cells = tuple(Cell(one[name]) if name in one else None for one in found)
        lines.append(Line(name, next(cell.found.champion for cell in cells if cell), cells))
    return tuple(lines)


def _slices(found: Sequence[Results | None]) -> tuple[SliceLine, ...]:
    """Every slice that was looked at for any version, the largest open loss first."""
    by_name = [{row.found.name: row for row in rows.slice_rows(one)} if one else {} for one in found]
    names = dict.fromkeys(name for one in by_name for name in one)
    lines = [
        SliceLine(
            name, max(one[name].found.n for one in by_name if name in one), tuple(one.get(name) for one in by_name)
        )
        for name in names
    ]
    return tuple(sorted(lines, key=lambda line: line.low))


def _sides(
    base: ModelVersion, others: Sequence[ModelVersion], found: Sequence[Results | None], turns: Sequence[bool]
) -> list[Side]:
    """Each version's own figures, the base's from the first evaluation it took part in."""
    sides: list[Side | None] = []
    for one, turn in zip(found, turns, strict=True):
        if one is not None:
            side = figures.own if turn else figures.base
            sides.append(side(one, base.short_name, IDENTITIES[0]))
            break
    for version, identity, one, turn in zip(others, IDENTITIES[1:], found, turns, strict=False):
        if one is not None:
            side = figures.base if turn else figures.own
            sides.append(side(one, version.short_name, identity))
    return [side for side in sides if side is not None]
