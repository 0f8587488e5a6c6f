"""What an A/B test found, for people: differences in the metric's own unit, and answers in words."""

from collections.abc import Mapping, Sequence
from typing import Any

from deployments.analysis.telling import LARGEST, count, rounded

Json = Mapping[str, Any]
WORDS: dict[str | bool, tuple[str, str, str]] = {
    "better": ("ok", "Better", "check"),
    "worse": ("bad", "Worse", "alert"),
    "same": ("mute", "No difference that matters", "minus"),
    "inconclusive": ("mute", "Not known yet", "hourglass"),
    True: ("ok", "Keeps its limit", "check"),
    False: ("bad", "Beyond its limit", "alert"),
}
"""Tone, words and mark of each answer about the new version, and of a limit kept or broken."""


def amount(source: str, value: float | None, *, sign: bool = False) -> str:
    """A share in per cent and its difference in percentage points; anything else as a number."""
    if value is None:
        return "–"
    if abs(value) >= LARGEST:
        return "−∞" if value < 0 else "∞"
    if source == "correct":
        shown = f"{value * 100:+.2f} pp" if sign else f"{value * 100:.2f} %"
    else:
        shown = f"{value:+.4g}" if sign else f"{value:.4g}"
    return shown.replace("-", "−")


def interval(metric: Json) -> str:
    if metric["range"] is None:
        return ""
    ends = (amount(metric["from"], metric["range"][end], sign=True) for end in ("low", "high"))
    return f"[{', '.join(ends)}]"


def limit(metric: Json) -> str:
    """How much worse the new version may be: "worse by 1.00 pp at most"; "" without a limit."""
    if metric["limit"] is None:
        return ""
    return f"worse by {amount(metric['from'], metric['limit'], sign=True).removeprefix('+')} at most"


def breach(metric: Json) -> str:
    """A broken limit in one sentence: "Cost +3.1 [+2, +4.2], worse by 1 at most, after 900 units"."""
    seen = amount(metric["from"], metric["value"], sign=True)
    return f"{metric['name']} {seen} {interval(metric)}, {limit(metric)}, after {count(metric['units'])} units"


def missing(metric: Json) -> str:
    """What would bring an answer: "about 3 600 more units of each version"; "" when there is one."""
    if metric["answer"] != "inconclusive":
        return ""
    if metric["needed"] is None:
        return str(metric["reason"])
    return f"about {count(rounded(metric['needed']))} more units of each version"


def sentence(metric: Json, version: int) -> str:
    """One metric in one sentence: "Right answers: v43 is better, +1.20 pp [+0.40 pp, +2.00 pp]"."""
    said = {"better": f"v{version} is better", "worse": f"v{version} is worse", "same": "no difference that matters"}
    words = said.get(metric["answer"], "not known yet")
    return (
        f"{metric['name']}: {words}, {amount(metric['from'], metric['value'], sign=True)} {interval(metric)}".rstrip()
    )


def answered(metrics: Sequence[Json]) -> Json | None:
    """The metric that has what a test is to be decided on: the first metric is what the test is for, any other one ends
    the waiting only when the new version is worse by it."""
    clear = [
        metric
        for at, metric in enumerate(metrics)
        if metric["answer"] == "worse" or (at == 0 and metric["answer"] in ("better", "same"))
    ]
    return clear[0] if clear else None


def supports(metrics: Sequence[Json]) -> str:
    """Which decision the metrics speak for: "keep" once one is worse or beyond its limit, "promote" where the first,
    which the test is for, is better; "" while that is not clear."""
    if any(one["answer"] == "worse" or one["keeps"] is False for one in metrics):
        return "keep"
    return "promote" if metrics and metrics[0]["answer"] == "better" else ""
