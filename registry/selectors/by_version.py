"""The versions of a model side by side: one metric on one test set, the newest scan, and where they are loaded."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from portal.core.actors import Actor
from registry.charts import Point
from registry.evaluations.results import BadResults, Comparison, MetricResult, Values, ordered, read_values
from registry.models import DataSetVersion, Evaluation, ModelVersion, RegisteredModel, VersionHold
from registry.reports import rows
from registry.selectors import evaluations, scans
from registry.selectors.asked import Filter

NEWEST = 200
"""So many evaluations are looked through; of those on the chosen test set the numbers are read, nothing else."""
NUMBERS = ("format", "metrics", "baseline_metrics", "comparison")
LOADED = "revision:"
"""What the holder of a version begins with that is loaded behind an endpoint."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What one version scored; `apart` is its difference to version `baseline` where it was compared with one."""

    result: MetricResult
    apart: Comparison | None = None
    baseline: int | None = None

    @property
    def tone(self) -> str:
        return rows.READINGS[self.apart.reading][0] if self.apart else "mute"

    @property
    def words(self) -> str:
        return rows.READINGS[self.apart.reading][1] if self.apart else ""


@dataclass(frozen=True, slots=True)
class Measured:
    """`metric` of versions by their number, from evaluations on `data` with one set of settings. `names` are the other
    metrics there are. `unread` evaluations are of a format this program does not read."""

    data: DataSetVersion
    metric: str
    names: list[str]
    seen: dict[int, Seen]
    unread: int = 0

    @property
    def points(self) -> list[Point]:
        found = [(number, one.result) for number, one in sorted(self.seen.items())]
        return [(number, one.value, one.low, one.high) for number, one in found if one.value is not None]

    @property
    def lower(self) -> bool:
        return any(one.result.direction == "lower" for one in self.seen.values())


@dataclass(frozen=True, slots=True)
class Line:
    """One version in the table of a model: what was measured of it, else what its run logged."""

    version: ModelVersion
    seen: Seen | None
    logged: float | None
    scan: tuple[str, str]
    behind: tuple[str, ...]


def measured(actor: Actor, model: RegisteredModel, wanted: str = "") -> Measured | None:
    """The metric asked for, or the one slices are judged by, on the test set that most versions share, the newest of
    equals. None when nothing was evaluated on data the actor may see."""
    known = set(ModelVersion.objects.filter(model=model, deleted_at=None).values_list("number", flat=True))
    groups: dict[tuple[int, str], dict[int, set[int]]] = {}
    listed = evaluations.listing(actor, Filter(model=model.name, status="done"))
    columns = ("pk", "data_id", "settings_digest", "version__number", "baseline__number")
    for pk, data, settings, version, baseline in listed.values_list(*columns)[:NEWEST]:
        groups.setdefault((data, settings), {})[pk] = {version, baseline} & known
    if not groups:
        return None
    (data_id, _), group = max(groups.items(), key=lambda one: (len(set().union(*one[1].values())), max(one[1])))
    data = DataSetVersion.objects.select_related("data_set").only("number", "data_set__name").get(pk=data_id)
    return _over(data, list(_read(group)), known, wanted, len(group))


@dataclass(frozen=True, slots=True)
class _Read:
    version: int
    baseline: int | None
    values: Values
    judged_by: str


def _read(group: Iterable[int]) -> Iterator[_Read]:
    """Their numbers, the newest first; those that cannot be read are left out."""
    names = [f"results__{name}" for name in NUMBERS]
    found = Evaluation.objects.filter(pk__in=list(group)).order_by("-pk")
    for version, baseline, judged_by, *stored in found.values_list(
        "version__number", "baseline__number", "results__slices__metric", *names
    ):
        try:
            yield _Read(version, baseline, read_values(dict(zip(NUMBERS, stored, strict=True))), judged_by or "")
        except BadResults:
            continue


def _over(data: DataSetVersion, found: Sequence[_Read], known: set[int], wanted: str, asked: int) -> Measured:
    names = ordered({name for one in found for name in one.values.metrics})
    usual = next((one.judged_by for one in found if one.judged_by in names), names[0] if names else "")
    metric = wanted if wanted in names else usual
    seen: dict[int, Seen] = {}
    for one in found:
        if metric in one.values.metrics and one.version in known:
            apart = one.values.comparison.get(metric)
            seen.setdefault(one.version, Seen(one.values.metrics[metric], apart, one.baseline))
    for one in found:
        if one.baseline in known and metric in one.values.baseline_metrics:
            seen.setdefault(one.baseline, Seen(one.values.baseline_metrics[metric]))
    return Measured(data, metric, names, seen, asked - len(found))


def logged_points(versions: Sequence[ModelVersion], metric: str) -> list[Point]:
    """The values that source runs logged, which have no interval."""
    return [(v.number, float(v.metrics[metric]), None, None) for v in reversed(versions) if metric in v.metrics]


def lines(versions: Sequence[ModelVersion], found: Measured | None, metric: str) -> list[Line]:
    """The versions with what the table says of each; three queries, however many there are."""
    looks = scans.looks(versions)
    behind: dict[int, list[str]] = {}
    held = VersionHold.objects.filter(version__in=versions, holder__startswith=LOADED)
    for version, why in held.order_by("placed_at").values_list("version_id", "why"):
        behind.setdefault(version, []).append(why)
    shown = found.seen if found else {}
    return [
        Line(
            version=one,
            seen=shown.get(one.number),
            logged=None if found else one.metrics.get(metric),
            scan=looks[one.pk],
            behind=tuple(dict.fromkeys(behind.get(one.pk, []))),
        )
        for one in versions
    ]
