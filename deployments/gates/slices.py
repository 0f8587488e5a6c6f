"""The worst slice: a version that is better on average may be worse for some, and they would notice."""

from deployments.gates import limits as read
from deployments.gates.answers import GateAnswer, Limits, done, link, unknown
from deployments.gates.facts import GateFacts
from registry.evaluations.results import SliceResult, Slices

LABEL = "Worst slice"
LIMIT = "no slice worse"
SHOWN = 3


def limits(place: str, given: object) -> read.Json:
    """`data`, a data set's name. The slices and their correction are those of the evaluation."""
    found = read.known(place, given, "data")
    return {"data": read.text(place, found, "data", default="")}


def answer(facts: GateFacts, limits: Limits) -> GateAnswer:
    """Fail on any slice shown worse after correction; unknown while one could not be judged at all."""
    found = done(facts, limits, LIMIT, compared=True)
    if isinstance(found, GateAnswer):
        return found
    assert found.results is not None
    if facts.champion is None:
        return GateAnswer("pass", "no champion", LIMIT, "Nothing serves yet, so no slice can be worse.")
    if found.results.slices is None:
        return unknown(LIMIT, "The evaluation looked at no slices. Ask for one that declares them.", link(found))
    return judged(found.results.slices, link(found))


def judged(found: Slices, where: str) -> GateAnswer:
    measured = f"{found.looked_at} looked at"
    if found.worse:
        worst = min(found.worse, key=lambda one: one.p_adjusted if one.p_adjusted is not None else 1.0)
        more = f" and {len(found.worse) - SHOWN} more" if len(found.worse) > SHOWN else ""
        sentence = f"Worse on {_names(found.worse)}{more}, by {found.metric}, corrected for {found.looked_at} looks."
        return GateAnswer(
            "fail", f"{len(found.worse)} worse of {found.looked_at}", LIMIT, sentence,
            worst.difference, worst.low, worst.high, worst.n, where,
        )  # fmt: skip
    unjudged = tuple(one for one in found.results if one.answer == "unknown")
    if unjudged:
        sentence = f"{_names(unjudged)} could not be judged: {unjudged[0].reason}"
        return GateAnswer("unknown", f"{len(unjudged)} unknown of {found.looked_at}", LIMIT, sentence, link=where)
    few = tuple(one for one in found.results if one.answer == "too few rows")
    if few or not found.complete:
        why = f"{_names(few)} have too few rows to tell." if few else "There were more slices than were looked at."
        return GateAnswer("needs_review", measured, LIMIT, why, link=where)
    return GateAnswer("pass", measured, LIMIT, f"None is worse by {found.metric}.", link=where)


def _names(slices: tuple[SliceResult, ...]) -> str:
    return ", ".join(one.name for one in slices[:SHOWN])
