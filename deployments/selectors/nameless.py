"""Requests of a split that named no unit: chance sent them to a version, so they do not stick to it."""

from deployments.analysis import arms
from deployments.models import Measurement


def _counted(row: Measurement) -> tuple[int, int]:
    """Requests without a unit, and all, of both versions since the weight came in force; none for senseless counts."""
    try:
        found = [arms.total(epochs) for epochs in row.counts.values()]
    except (ValueError, KeyError):
        return 0, 0
    return sum(sum(one.nameless.values()) for one in found), sum(one.requests + one.refused for one in found)


def share(row: Measurement) -> float | None:
    """What part of the requests named no unit; None while there are none."""
    without, asked = _counted(row)
    return without / asked if asked else None


def sentence(row: Measurement | None) -> str:
    """The same in a sentence; "" where everybody names units, or nobody knows."""
    without, asked = _counted(row) if row else (0, 0)
    if not without:
        return ""
    if without == asked:
        return "No request named a unit (X-Unit-Id): chance decided for each of them, so nobody sticks to a version."
    found = round(100 * without / asked)
    part = "Less than 1 %" if found < 1 else "More than 99 %" if found > 99 else f"{found} %"
    rest = "chance decided for those, so they do not stick to a version."
    return f"{part} of the requests named no unit (X-Unit-Id): {rest}"
