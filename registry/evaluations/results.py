"""What an evaluation found, as it is kept, digested, shown and judged by gates.

Values that do not exist are None beside a sentence that says why; nothing is NaN. `performance` is measured, differs
from run to run, and so is not part of what the digest covers.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeVar

T = TypeVar("T")
FORMAT = 1
DIGITS = 9
"""Significant digits that count for the digest: the last bits differ between kinds of processors."""

ORDER = (
    *("roc_auc", "pr_auc", "log_loss", "brier", "accuracy", "precision", "recall", "f1", "calibration_error"),
    "calibration_error_mass",
    *("rmse", "mae", "r2", "mape", "pinball", "ndcg", "map", "mrr", "cost"),
)
"""Metrics in the order people read them; others follow by name. The database does not keep the order of members."""

Task = Literal["classification", "multiclass", "regression", "ranking"]
Direction = Literal["higher", "lower"]
Reading = Literal["better", "worse", "unclear", "unknown"]
SliceKind = Literal["declared", "found"]
Answer = Literal["worse", "not worse", "too few rows", "unknown"]


class BadResults(ValueError):
    """The stored results are of a format this program does not read."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of the data, rows that were scored, and rows left out because their label is missing."""

    total: int
    scored: int
    without_label: int


@dataclass(frozen=True, slots=True)
class MetricResult:
    """One number about one version with its interval; `undefined` says why one of them is missing.

    `n` counts what it rests on: rows, or queries of rankings.
    """

    value: float | None
    undefined: str | None
    low: float | None
    high: float | None
    n: int
    direction: Direction


@dataclass(frozen=True, slots=True)
class Comparison:
    """Challenger minus champion on the same rows. `undefined` says why there is no difference or no interval."""

    champion: float | None
    challenger: float | None
    difference: float | None
    low: float | None
    high: float | None
    confidence: float
    n: int
    resamples: int
    undefined: str | None
    direction: Direction
    reading: Reading


@dataclass(frozen=True, slots=True)
class SliceResult:
    """One slice: the difference in the slices' metric, `p` alone and `p_adjusted` among all that were looked at."""

    name: str
    kind: SliceKind
    n: int
    difference: float | None
    low: float | None
    high: float | None
    p: float | None
    p_adjusted: float | None
    answer: Answer
    reason: str


@dataclass(frozen=True, slots=True)
class Slices:
    """All slices that were answered. `complete` is False when there were more candidates than were looked at."""

    metric: str
    complete: bool
    looked_at: int
    correction: str
    results: tuple[SliceResult, ...]

    @property
    def worse(self) -> tuple[SliceResult, ...]:
        """Slices on which a loss is shown after correction."""
        return tuple(one for one in self.results if one.answer == "worse")


@dataclass(frozen=True, slots=True)
class Calibration:
    """Bins of the reliability curve ({low, high, n, probability, observed}) and the expected calibration error."""

    bins: tuple[Mapping[str, float], ...]
    error: float | None


@dataclass(frozen=True, slots=True)
class Agreement:
    """How alike both versions answer: `share` of equal decisions and `flips` from one to the other; of numbers, the
    mean `distance`."""

    share: float | None
    n: int
    flips: Mapping[str, int] = field(default_factory=dict)
    distance: float | None = None


@dataclass(frozen=True, slots=True)
class Performance:
    """`latency_ms` of single rows {p50, p95, p99, n}, the process's peak memory, and the time loading took."""

    latency_ms: Mapping[str, float]
    memory_bytes: int
    load_seconds: float
    size_bytes: int
    batch_rows_per_second: float | None = None


@dataclass(frozen=True, slots=True)
class Results:
    """Everything one evaluation answers. What was not asked for, or could not be had, is None or empty.

    `outputs` says what each version answers: probabilities, scores, labels or numbers. `baseline_note` says why there
    is no comparison where one was asked for.
    """

    task: Task
    rows: Rows
    metrics: Mapping[str, MetricResult]
    baseline_metrics: Mapping[str, MetricResult] | None = None
    comparison: Mapping[str, Comparison] = field(default_factory=dict)
    slices: Slices | None = None
    calibration: Calibration | None = None
    baseline_calibration: Calibration | None = None
    confusion: Mapping[str, Any] = field(default_factory=dict)
    baseline_confusion: Mapping[str, Any] = field(default_factory=dict)
    curves: Mapping[str, Any] = field(default_factory=dict)
    residuals: Mapping[str, Any] = field(default_factory=dict)
    agreement: Agreement | None = None
    performance: Performance | None = None
    baseline_performance: Performance | None = None
    baseline_note: str = ""
    outputs: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Plain JSON that `read` gives back."""
        plain: dict[str, Any] = _plain({"format": FORMAT, **asdict(self)})
        return plain

    def counted(self) -> dict[str, Any]:
        """What the digest covers: all but the measured times and memory, rounded to what every machine agrees on."""
        whole = {name: value for name, value in self.as_json().items() if not name.endswith("performance")}
        rounded: dict[str, Any] = _rounded(whole)
        return rounded


@dataclass(frozen=True, slots=True)
class Values:
    """The numbers of both versions and their differences, without what is drawn or sliced."""

    metrics: Mapping[str, MetricResult]
    baseline_metrics: Mapping[str, MetricResult]
    comparison: Mapping[str, Comparison]


def ordered(names: Iterable[str]) -> list[str]:
    """Names of metrics in the order they are shown; `roc_auc_macro` stands where `roc_auc` does."""

    def place(name: str) -> tuple[int, str]:
        return next((at for at, known in enumerate(ORDER) if name.startswith(known)), len(ORDER)), name

    return sorted(names, key=place)


def read(stored: Mapping[str, Any]) -> Results:
    """The results as they were kept. Raises `BadResults`."""
    return _known(stored, _read)


def read_values(stored: Mapping[str, Any]) -> Values:
    """The same of results whose curves and slices were not fetched. Raises `BadResults`."""
    return _known(stored, _read_values)


def _known(stored: Mapping[str, Any], reader: Callable[[Mapping[str, Any]], T]) -> T:
    if stored.get("format") != FORMAT:
        raise BadResults(f"These results are of format {stored.get('format')}; this program reads format {FORMAT}.")
    try:
        return reader(stored)
    except (KeyError, TypeError, AttributeError) as error:
        raise BadResults(f"These results are not complete: {error}.") from error


def _read_values(stored: Mapping[str, Any]) -> Values:
    return Values(
        metrics=_metrics(stored["metrics"]),
        baseline_metrics=_metrics(stored.get("baseline_metrics") or {}),
        comparison=_comparisons(stored),
    )


def _comparisons(stored: Mapping[str, Any]) -> dict[str, Comparison]:
    return {name: Comparison(**one) for name, one in (stored.get("comparison") or {}).items()}


def _read(stored: Mapping[str, Any]) -> Results:
    baseline = stored.get("baseline_metrics")
    plain = ("confusion", "baseline_confusion", "curves", "residuals")
    return Results(
        task=stored["task"],
        rows=Rows(**stored["rows"]),
        metrics=_metrics(stored["metrics"]),
        baseline_metrics=None if baseline is None else _metrics(baseline),
        comparison=_comparisons(stored),
        slices=_slices(stored.get("slices")),
        calibration=_calibration(stored.get("calibration")),
        baseline_calibration=_calibration(stored.get("baseline_calibration")),
        **{name: stored.get(name) or {} for name in plain},
        agreement=Agreement(**one) if (one := stored.get("agreement")) else None,
        performance=Performance(**one) if (one := stored.get("performance")) else None,
        baseline_performance=Performance(**one) if (one := stored.get("baseline_performance")) else None,
        baseline_note=stored.get("baseline_note", ""),
        outputs=stored.get("outputs") or {},
    )


def _metrics(stored: Mapping[str, Any]) -> dict[str, MetricResult]:
    return {name: MetricResult(**one) for name, one in stored.items()}


def _slices(stored: Mapping[str, Any] | None) -> Slices | None:
    if not stored:
        return None
    return Slices(**{**stored, "results": tuple(SliceResult(**one) for one in stored["results"])})


def _calibration(stored: Mapping[str, Any] | None) -> Calibration | None:
    return Calibration(bins=tuple(stored["bins"]), error=stored["error"]) if stored else None


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_rounded(one) for one in value]
    return value
