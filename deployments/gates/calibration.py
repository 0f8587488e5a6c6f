"""Calibration: whether a probability of 0.3 means three in ten."""

from deployments.gates import limits as read
from deployments.gates.answers import GateAnswer, Limits, done, link, number, unknown
from deployments.gates.facts import GateFacts

LABEL = "Calibration"


def limits(place: str, given: object) -> read.Json:
    """`most`, the expected calibration error from 0 to 1, and `data` and `target` as for quality."""
    found = read.known(place, given, "most", "data", "target")
    return {
        "most": read.amount(place, found, "most", low=0, high=1),
        **read.where(place, found),
    }


def answer(facts: GateFacts, limits: Limits) -> GateAnswer:
    limit = f"error at most {number(limits['most'])}"
    found = done(facts, limits, limit, compared=False)
    if isinstance(found, GateAnswer):
        return found
    assert found.results is not None
    curve = found.results.calibration
    if curve is None or curve.error is None:
        return unknown(limit, "The version gives no probabilities that could be held against outcomes.", link(found))
    good = curve.error <= limits["most"]
    return GateAnswer(
        "pass" if good else "fail",
        number(curve.error),
        limit,
        f"The expected calibration error is {'within' if good else 'above'} the limit.",
        curve.error,
        sample=found.results.rows.scored,
        link=link(found),
    )
