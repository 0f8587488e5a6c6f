"""Is the challenger worse somewhere: declared and found slices of one metric, as results."""

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from pipelines.evaluation import groups, slices
from pipelines.evaluation.correction import Correction
from pipelines.evaluation.groups import Between, Both, Declared, Is
from pipelines.evaluation.measures import Measure
from pipelines.evaluation.slices import SliceResult as Judged
from pipelines.evaluation.values import Difference, Interval, Undefined
from registry.evaluations.results import Answer, SliceKind, SliceResult, Slices

CORRECTION: Correction = "holm"


def judged(
    settings: Mapping[str, Any],
    champion: Mapping[str, Measure | Undefined],
    challenger: Mapping[str, Measure | Undefined],
    columns: Mapping[str, NDArray[Any]],
) -> Slices | None:
    """The answer for each declared slice, and for those that were found; None where no slice is asked for."""
    asked = settings["slices"]
    if not asked["declared"] and not asked["find"]:
        return None
    name = asked["metric"] or default_metric(challenger)
    ours, theirs = champion.get(name), challenger.get(name)
    if ours is None or theirs is None or isinstance(ours, Undefined) or isinstance(theirs, Undefined):
        return _undecided(name, asked, ours, theirs)
    declared = [(one, groups.select(of_json(one), columns)) for one in asked["declared"]]
    known = [found for _, found in declared if not isinstance(found, Undefined)]
    options: dict[str, Any] = {"seed": settings["seed"], "margin": asked["margin"], "resamples": settings["resamples"]}
    answered = iter(slices.judge(ours, theirs, known, correction=CORRECTION, **options))
    results = [
        _unknown(groups.title(of_json(one)), "declared", found.reason)
        if isinstance(found, Undefined)
        else result(next(answered), "declared")
        for one, found in declared
    ]
    complete, looked_at = True, len(known)
    if asked["find"]:
        candidates = groups.candidates({name: columns[name] for name in asked["columns"]}, slices.FEWEST)
        search = slices.search(ours, theirs, candidates, correction=CORRECTION, **options)
        said = {one.name for one in results}  # a declared slice that is found as well has its answer already
        results += [result(one, "found") for one in search.results if one.name not in said]
        complete, looked_at = search.complete, looked_at + search.looked_at
    return Slices(name, complete, looked_at, CORRECTION, tuple(results))


def default_metric(measures: Mapping[str, Measure | Undefined]) -> str:
    """A metric that means something for few rows: Brier score or mean error where there is one, else accuracy."""
    for name in ("brier", "mae", "accuracy"):
        if not isinstance(measures.get(name, Undefined("")), Undefined):
            return name
    return next(iter(measures), "")


def of_json(declared: Mapping[str, Any]) -> Declared:
    """{column, value}, {column, low, high} or {both: [one, another]}."""
    if "both" in declared:
        first, second = (of_json(one) for one in declared["both"])
        return Both(first, second)
    if "value" in declared:
        return Is(declared["column"], declared["value"])
    return Between(declared["column"], declared.get("low"), declared.get("high"))


def result(one: Judged, kind: SliceKind) -> SliceResult:
    difference = one.difference if isinstance(one.difference, Difference) else None
    value = difference.value if difference and not isinstance(difference.value, Undefined) else None
    interval = difference.interval if difference and isinstance(difference.interval, Interval) else None
    answer: Answer = one.answer if one.p is not None or "too few" in one.reason.lower() else "unknown"
    return SliceResult(
        name=one.name,
        kind=kind,
        n=one.n,
        difference=value,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        p=one.p,
        p_adjusted=one.adjusted,
        answer=answer,
        reason=one.reason,
    )


def _unknown(name: str, kind: SliceKind, reason: str, n: int = 0) -> SliceResult:
    return SliceResult(name, kind, n, None, None, None, None, None, "unknown", reason)


def _undecided(name: str, asked: Mapping[str, Any], *sides: Measure | Undefined | None) -> Slices:
    """Every declared slice as unknown, because the metric itself has no value or counts something else than rows."""
    undefined = next((one for one in sides if isinstance(one, Undefined)), None)
    why = undefined.reason if undefined else f"Neither version has the metric {name}."
    results = tuple(_unknown(groups.title(of_json(one)), "declared", why) for one in asked["declared"])
    return Slices(name, not asked["find"], 0, CORRECTION, results)
