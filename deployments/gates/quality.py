"""Quality against the champion, on the same rows: judged by the interval of the difference, never by its point."""

from deployments.gates import limits as read
from deployments.gates.answers import GateAnswer, Limits, Verdict, done, link, number, unknown
from deployments.gates.facts import GateFacts
from registry.evaluations.results import Comparison

LABEL = "Quality against the champion"
CONFIDENCE = 0.95
WORDS = {
    "pass": "Not worse than the limit, {sure}.",
    "fail": "Worse than the limit, {sure}.",
    "needs_review": "The interval reaches both sides of the limit, {sure}.",
}


def limits(place: str, given: object) -> read.Json:
    """`metric`, `margin` (how much worse is still taken, in the metric's unit), `confidence` of the interval (0.95
    unless said), `data`, a data set's name, and `target`, the column with the labels.
    """
    found = read.known(place, given, "metric", "margin", "confidence", "data", "target")
    return {
        "metric": read.text(place, found, "metric"),
        "margin": read.amount(place, found, "margin", low=0, high=1e9, default=0.0),
        "confidence": read.amount(place, found, "confidence", low=0.5, high=0.999, default=CONFIDENCE),
        **read.where(place, found),
    }


def answer(facts: GateFacts, limits: Limits) -> GateAnswer:
    """Pass when even the worse end of the interval is within the margin, fail when even the better end is not."""
    name, margin = limits["metric"], limits["margin"]
    limit = f"{name} not worse" if not margin else f"{name} at most {number(margin)} worse"
    found = done(facts, limits, limit, compared=True)
    if isinstance(found, GateAnswer):
        return found
    assert found.results is not None
    if facts.champion is None:
        return GateAnswer("pass", "no champion", limit, "Nothing serves yet, so there is nothing to be worse than.")
    compared = found.results.comparison.get(name)
    if compared is None:
        return unknown(
            limit, f"The evaluation did not compare {name}. {found.results.baseline_note}".strip(), link(found)
        )
    sure = limits.get("confidence", CONFIDENCE)
    if compared.confidence < sure:
        why = f"Its intervals are at {compared.confidence:.0%} confidence, and this gate asks for {sure:.0%}."
        return unknown(limit, why, link(found))
    return judged(compared, name, margin, limit, link(found))


def judged(found: Comparison, name: str, margin: float, limit: str, where: str) -> GateAnswer:
    if found.low is None or found.high is None or found.difference is None:
        return unknown(limit, found.undefined or f"{name} has no interval.", where)
    gains = sorted((found.low, found.high)) if found.direction == "higher" else sorted((-found.high, -found.low))
    worst, best = gains
    measured = f"{found.difference:+.4g} [{number(found.low)}, {number(found.high)}]"
    rows = f"{found.n:,}".replace(",", "\u202f")
    sure = f"at {found.confidence:.0%} confidence, on {rows} rows"
    verdict: Verdict = "pass" if worst >= -margin else "fail" if best < -margin else "needs_review"
    return GateAnswer(
        verdict,
        measured,
        limit,
        WORDS[verdict].format(sure=sure),
        found.difference,
        found.low,
        found.high,
        found.n,
        where,
    )
