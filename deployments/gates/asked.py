"""Whether an evaluation was asked for what a gate needs: whoever asks chooses its settings, the policy what counts."""

from collections.abc import Iterator, Mapping
from typing import Any

Asked = Mapping[str, Any]


def unfit(settings: Asked, limits: Asked) -> str:
    """Why an evaluation with these settings does not count for a gate with these limits; "" when it does."""
    target = limits.get("target")
    if target and settings.get("target") != target:
        return f"It was measured against {settings.get('target')}, and this gate asks for {target}."
    return ""


def unfit_slices(settings: Asked, limits: Asked) -> str:
    """The same for its slices: `margin`, the loss they may accept, and `columns`, what they must be made of."""
    slices = settings.get("slices") or {}
    margin, most = float(slices.get("margin", 0)), float(limits.get("margin", 0))
    if margin > most:
        return f"It accepted a loss of {margin:.4g} in a slice, and this gate accepts {most:.4g}."
    missing = sorted(set(limits.get("columns", ())) - set(_columns(slices)))
    return f"It looked at no slices by {', '.join(missing)}." if missing else ""


def _columns(slices: Asked) -> Iterator[str]:
    """The columns that slices were declared by or searched in."""
    waiting = list(slices.get("declared", ()))
    while waiting:
        one = waiting.pop()
        waiting += one.get("both", ())
        if "column" in one:
            yield str(one["column"])
    if slices.get("find"):
        yield from slices.get("columns", ())
