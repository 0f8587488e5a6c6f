"""How many processes a revision should have: pure, from how many requests are with it."""

from dataclasses import dataclass, replace

UP_LOAD = 2.0
"""Requests with a revision for each of its processes; one is answered, so beyond this one always waits."""
UP_LOOKS = 3
DOWN_LOAD = 0.5
"""The same, for each of the processes that would be left."""
DOWN_LOOKS = 60
"""Looks come once a second: more at once when callers wait, fewer only after a quiet minute, unless said otherwise."""


@dataclass(frozen=True, slots=True)
class Scale:
    """`count` processes are wanted; `high` and `low` are looks in a row that said otherwise."""

    count: int
    high: int = 0
    low: int = 0


def look(scale: Scale, requests: int, least: int, most: int, down_looks: int = DOWN_LOOKS) -> Scale:
    """Take in how many requests are with the revision now; one is let go after so many quiet looks in a row."""
    count = min(max(scale.count, least), most)
    high = scale.high + 1 if requests > UP_LOAD * count else 0
    low = scale.low + 1 if count > 1 and requests <= DOWN_LOAD * (count - 1) else 0
    if high >= UP_LOOKS and count < most:
        return Scale(count + 1)
    if low >= down_looks and count > least:
        return Scale(count - 1)
    return replace(scale, count=count, high=high, low=low)
