"""What a gate answers: one of five verdicts, with what was measured, how sure that is, and the limit."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal
from urllib.parse import quote

from deployments.gates.asked import unfit
from deployments.gates.facts import Evaluated, GateFacts

Verdict = Literal["pass", "needs_review", "fail", "running", "unknown"]
Limits = Mapping[str, Any]
BLOCKING = ("fail", "running", "unknown")
"""Nobody can approve past these; what needs review is looked at by whoever approves."""


@dataclass(frozen=True, slots=True)
class GateAnswer:
    """`value`, `low` and `high` are in the unit of the limit; `sample` counts what they rest on, rows as a rule.

    `measured` and `limit` say the same in words; `sentence` says what it means and what to do; `link` leads there.
    `pin` is the digest of what was read, where the rest of the evidence does not hold it already.
    `data` names the data set version that an evaluation was made on.
    """

    verdict: Verdict
    measured: str
    limit: str
    sentence: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    sample: int | None = None
    link: str = ""
    pin: str = ""
    data: str = ""


def unknown(limit: str, sentence: str, link: str = "") -> GateAnswer:
    """Nothing is known, and that blocks."""
    return GateAnswer("unknown", "not known", limit, sentence, link=link)


def shown(code: str, label: str, answer: GateAnswer) -> dict[str, Any]:
    """The answer as the evidence keeps it and pages and programs read it: plain data."""
    said = {name: value for name, value in asdict(answer).items() if name != "pin" or value}
    return {"code": code, "label": label, "note": said.pop("sentence"), **said}


def number(value: float) -> str:
    """A measured number, as exact as people read it."""
    return f"{value:.4g}"


def link(found: Evaluated) -> str:
    return f"/evaluations/{found.number}/"


def done(facts: GateFacts, limits: Limits, limit: str, *, compared: bool) -> Evaluated | GateAnswer:
    """The evaluation a gate can judge by, or the answer that there is none yet.

    With `compared` it must be against today's champion, where there is one.
    """
    name = str(limits.get("data") or "")
    found = facts.evaluations.get(name)
    on = f" on {name}" if name else ""
    against = f" against v{facts.champion}" if compared and facts.champion else ""
    if found is None:
        ask = f"/evaluations/new/?version={quote(facts.model)}:{facts.version}"
        return unknown(limit, f"v{facts.version} was never evaluated{against}{on}. Ask for an evaluation.", ask)
    if found.status in ("queued", "running"):
        return GateAnswer("running", "running", limit, "The evaluation is under way.", link=link(found))
    if found.results is None:
        return unknown(limit, f"The evaluation came to nothing: {found.note or found.status}", link(found))
    if why := unfit(found.settings, limits):
        return unknown(limit, why, link(found))
    if compared and facts.champion and found.baseline != facts.champion:
        return unknown(limit, f"It was not evaluated against v{facts.champion}, which serves now.", link(found))
    return found


def with_data(answer: GateAnswer, found: Evaluated) -> GateAnswer:
    """The answer with the very version of the data that was judged: a data set's name alone says too little."""
    return replace(answer, sentence=f"{answer.sentence} Data: {found.data}.".strip(), data=found.data)
