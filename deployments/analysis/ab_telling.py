"""What an A/B test found, for people: differences in the metric's own unit, and answers in words."""

from collections.abc import Mapping
from typing import Any

from deployments.analysis.telling import LARGEST, count, rounded

Json = Mapping[str, Any]
WORDS = {
    "better": ("ok", "Better", "check"),
    "worse": ("bad", "Worse", "alert"),
    "same": ("mute", "No difference that matters", "minus"),
    "inconclusive": ("mute", "Not known yet", "hourglass"),
}
"""Tone, words and mark of each answer about the new version."""


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
