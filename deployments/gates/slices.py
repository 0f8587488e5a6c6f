"""The worst slice: a version that is better on average may be worse for some, and they would notice."""

from deployments.gates import limits as read
from deployments.gates.answers import GateAnswer, Limits, done, link, number, unknown
from deployments.gates.asked import unfit_slices
from deployments.gates.facts import GateFacts
from registry.evaluations.results import SliceResult, Slices

LABEL = "Worst slice"
LIMIT = "no slice worse"
SHOWN = 3


def limits(place: str, given: object) -> read.Json:
    """`margin`, the loss that a slice may show at most (0 unless said), `columns` that slices must be made of, and
    `data` and `target` as for quality. The correction is the evaluation's.
    """
    found = read.known(place, given, "margin", "columns", "data", "target")
    return {
        "margin": read.amount(place, found, "margin", low=0, high=1e9, default=0.0),
        "columns": read.names(f"{place}.columns", found["columns"]) if "columns" in found else [],
        **read.where(place, found),
    }


def answer(facts: GateFacts, limits: Limits) -> GateAnswer:
    """Fail on any slice shown worse after correction; unknown while one could not be judged at all."""
    margin = limits.get("margin", 0)
    limit = f"no slice more than {number(margin)} worse" if margin else LIMIT
    found = done(facts, limits, limit, compared=True)
    if isinstance(found, GateAnswer):
        return found
    assert found.results is not None
    if facts.champion is None:
        return GateAnswer("pass", "no champion", limit, "Nothing serves yet, so no slice can be worse.")
    if found.results.slices is None:
        return unknown(limit, "The evaluation looked at no slices. Ask for one that declares them.", link(found))
    if why := unfit_slices(found.settings, limits):
        return unknown(limit, why, link(found))
    return judged(found.results.slices, limit, link(found))


def judged(found: Slices, limit: str, where: str) -> GateAnswer:
    measured = f"{found.looked_at} looked at"
    if found.worse:
        worst = min(found.worse, key=lambda one: one.p_adjusted if one.p_adjusted is not None else 1.0)
        more = f" and {len(found.worse) - SHOWN} more" if len(found.worse) > SHOWN else ""
        sentence = f"Worse on {_names(found.worse)}{more}, by {found.metric}, corrected for {found.looked_at} looks."
        return GateAnswer(
            "fail", f"{len(found.worse)} worse of {found.looked_at}", limit, sentence,
            worst.difference, worst.low, worst.high, worst.n, where,
        )  # fmt: skip
    unjudged = tuple(one for one in found.results if one.answer == "unknown")
    if unjudged:
        sentence = f"{_names(unjudged)} could not be judged: {unjudged[0].reason}"
        return GateAnswer("unknown", f"{len(unjudged)} unknown of {found.looked_at}", limit, sentence, link=where)
    few = tuple(one for one in found.results if one.answer == "too few rows")
    if few or not found.complete:
        why = f"{_names(few)} have too few rows to tell." if few else "There were more slices than were looked at."
        return GateAnswer("needs_review", measured, limit, why, link=where)
    return GateAnswer("pass", measured, limit, f"No slice is shown worse, by {found.metric}.", link=where)


def _names(slices: tuple[SliceResult, ...]) -> str:
    return ", ".join(one.name for one in slices[:SHOWN])
