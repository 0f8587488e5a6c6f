"""What a guard says, for people: value, interval, limit, n, and what is still needed."""

import math

from deployments.analysis.guards import Judged
from deployments.analysis.rates import Range
from deployments.engine import numbers, wording
from deployments.engine.plans import MEASURES

POINTS = ("errors", "refusals", "answers")
RATES = ("errors", "refusals")
NAMES = {measure: words for measure, (words, _, _) in MEASURES.items()} | {"refusals": "Refused requests"}
ABOUT = {
    "errors": "new minus champion",
    "refusals": "new minus champion",
    "p95": "new over champion",
    "p99": "new over champion",
    "answers": "largest shift of any answer's share",
    "memory": "new over champion, peak",
}
WRONG = {
    "answer_not_finite": "it answered NaN or infinity",
    "answer_wrong_schema": "it answered otherwise than its signature promises",
    "model_failed": "it raised an error",
    "out_of_memory": "it needed more memory than it may have",
    "deadline_exceeded": "it did not answer in time",
    "busy": "it had no time for them",
    "revision_broke": "its process ended under them",
}
"""What the code of an error means for whoever reads why a rollout was stopped."""
MEBIBYTE = 1024**2
EARLY = "too early to say how many more requests"
LARGEST = 1e12
"""What has no bound is kept as this, which JSON can hold."""


def count(amount: float) -> str:
    return numbers.count(amount)


def counted(n: float, what: str) -> str:
    """ "1 request", "1 240 requests"."""
    return f"{count(n)} {what}{'' if n == 1 else 's'}"


def rounded(amount: float) -> int:
    """Two digits: what is needed is known about so well."""
    if amount < 100:
        return max(1, round(amount))
    size = 10 ** (math.floor(math.log10(amount)) - 1)
    return int(math.ceil(amount / size) * size)


def amount(measure: str, value: float, *, sign: bool = True) -> str:
    """A difference in percentage points, or a multiple."""
    if value >= LARGEST:
        return "∞"
    if measure in POINTS:
        shown = value * 100
        return f"{shown:+.2f} pp".replace("-", "−") if sign and measure in RATES else f"{shown:.2f} pp"
    return f"{value:.2f}×"


def limit(measure: str, value: float) -> str:
    return f"≤ {amount(measure, value)}"


def interval(measure: str, range_: Range | None) -> str:
    if range_ is None:
        return ""
    return f"[{amount(measure, range_.low)}, {amount(measure, range_.high)}]"


def own(measure: str, value: float | None) -> str:
    """What one arm showed by itself."""
    if value is None:
        return "–"
    if measure in RATES:
        return f"{value * 100:.3g} %"
    if measure == "memory":
        return f"{count(value / MEBIBYTE)} MiB"
    return "≤ 5 ms" if value <= 5.0 else f"{value:.3g} ms"


def sentence(found: Judged) -> str:
    """The verdict in one sentence: "Error rate +2.10 pp [+1.20 pp, +3.00 pp], limit +1.00 pp, after 1 240 requests",
    and what most of the errors were."""
    verdict, name = found.verdict, NAMES[found.measure]
    if verdict.value is None:
        return f"{name}: {verdict.reason}"
    few = f". {found.few}" if found.few else ""
    spared = ", leaving out the callers that a person accepted" if found.spared else ""
    return (
        f"{name} {amount(found.measure, verdict.value)} {interval(found.measure, verdict.range)}, "
        f"limit {amount(found.measure, verdict.limit)}, after {counted(verdict.n, 'request')}"
        f"{_most(found)}{spared}{few}"
    )


def _most(found: Judged) -> str:
    """What most of the errors were: ", 60 of which failed because it answered NaN or infinity"."""
    if found.most is None:
        return ""
    times, code = found.most
    return f", {count(times)} of which failed because {WRONG.get(code, f'of {code}')}"


def missing(found: Judged) -> str:
    """What would bring an answer: "about 3 600 more requests", or that nobody can tell yet; "" when there is one."""
    verdict = found.verdict
    if verdict.answer in ("passing", "failing"):
        return ""
    if verdict.needed is None:
        return verdict.reason
    if verdict.early:
        return EARLY
    return f"about {counted(rounded(verdict.needed), 'more request')}"


def time(needed: float, per_second: float) -> str:
    """How long so many more requests take, behind what would bring an answer: ", 4 min"."""
    if per_second <= 0:
        return "; no traffic now"
    seconds = needed / per_second
    if seconds < 60:
        return ", under 1 min"
    return f", {wording.seconds(seconds if seconds >= 3600 else round(seconds / 60) * 60)}"


def based(measure: str, n: int | None) -> str:
    """What a version's own figure rests on: "1 240 requests"; "" where nobody knows."""
    if n is None:
        return ""
    what = "request" if measure in (*RATES, "memory") else "answer"
    return counted(n, what)
