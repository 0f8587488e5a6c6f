"""Filters for numbers. A missing value is an en dash; nothing here guesses a unit."""

from collections.abc import Callable
from typing import Any

from portal.ui import text
from portal.ui.library import register

NOTHING = "\u2013"


def _numeric(value: Any) -> float | int | None:
    if isinstance(value, bool) or value is None or value == "":
        return None
    if isinstance(value, int | float):
        return value
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _shown(value: Any, show: Callable[[float | int], str]) -> str:
    found = _numeric(value)
    return NOTHING if found is None or found != found else show(found)


@register.filter
def thousands(value: Any) -> str:
    """`{{ 111000|thousands }}`: 111 000."""
    return _shown(value, lambda n: text.number(round(n)))


@register.filter
def decimals(value: Any, digits: int = 3) -> str:
    """`{{ 0.864|decimals:3 }}`."""
    return _shown(value, lambda n: text.number(n, int(digits)))


@register.filter
def metric(value: Any) -> str:
    """`{{ 0.86412|metric }}`: three significant figures; whole numbers whole."""
    return _shown(value, text.significant)


@register.filter
def signed(value: Any, digits: int = 3) -> str:
    """`{{ 0.014|signed }}`: a difference with its sign."""
    return _shown(value, lambda n: text.signed(n, int(digits)))


@register.filter
def percent(value: Any, digits: int = 1) -> str:
    """`{{ 0.714|percent }}`: a share between 0 and 1 as 71.4 %."""
    return _shown(value, lambda n: text.percent(n, int(digits)))


@register.filter
def pp(value: Any, digits: int = 1) -> str:
    """`{{ -0.016|pp }}`: a difference of shares in percentage points."""
    return _shown(value, lambda n: text.points(n, int(digits)))


@register.filter
def bytesize(value: Any) -> str:
    """`{{ 41200000|bytesize }}`: 41.2 MB."""
    return _shown(value, text.size)


@register.filter
def duration(value: Any) -> str:
    """`{{ seconds|duration }}`; a timedelta works too."""
    return _shown(value.total_seconds() if hasattr(value, "total_seconds") else value, text.duration)


@register.filter
def sign_class(value: Any, better: str = "higher") -> str:
    """The class of a difference: `delta-up` when better, `delta-dn` when worse. `better` may be empty: no judgement."""
    return {"Better": "delta-up", "Worse": "delta-dn"}.get(sign_word(value, better), "delta-eq")


@register.simple_tag
def sign_word(value: Any, better: str = "higher") -> str:
    """`{% sign_word difference "lower" as word %}`: Better, Worse, or "" without a difference or judgement."""
    found = _numeric(value)
    if not found or better not in ("higher", "lower"):
        return ""
    return "Better" if (found > 0) == (better == "higher") else "Worse"
