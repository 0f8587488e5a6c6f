"""Whether what is served is what should be, from one answer to a question of the portal's own: pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from serving.contract import Served

TOLERANCE = 1e-6
"""Relative, of numbers: another order of additions is no other answer."""


@dataclass(frozen=True, slots=True)
class Expected:
    """Who should answer, by the numbers of version and revision, and what; `answer` None where none is on record."""

    version: int
    revision: int
    answer: Any = None


def wrong(expected: Expected, served: Served) -> str:
    """What is not as it should be, in a sentence; "" when everything is."""
    name = f"v{expected.version}"
    if served.status >= 400:
        return f"{name} should answer, but what was asked got {served.status}{_said(served.answer)}"
    if not served.version:
        return f"{name} should answer, but the answer does not say who gave it."
    if served.version != str(expected.version):
        return f"{name} should answer, but v{served.version} does."
    if served.revision != str(expected.revision):
        return f"{name} answers, but as revision r{served.revision} instead of r{expected.revision}."
    if expected.answer is not None and not same(expected.answer, served.answer):
        return f"{name} answers its example otherwise than when it was warmed."
    return ""


def _said(answer: Any) -> str:
    detail = answer.get("detail") if isinstance(answer, Mapping) else None
    return f": {str(detail)[:200]}" if detail else "."


def same(one: Any, other: Any) -> bool:
    """Whether two answers mean the same, number for number."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return abs(one - other) <= TOLERANCE * max(1.0, abs(one), abs(other))
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    return bool(one == other)
