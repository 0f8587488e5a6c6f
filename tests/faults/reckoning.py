"""What each fault of a drill cost, and which promise was broken."""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.faults import deck, making
from tests.faults.drill import Healed
from tests.faults.mixed import Asked, Load, Trouble

TIMES_SLOWER = 3.0
BARELY_SECONDS = 0.1
"""What takes no longer than this is not slow, whatever it took before."""
CONCERNED = {"web": deck.PORTAL, "router": frozenset({"prediction"})}


@dataclass(frozen=True)
class Span:
    """One fault and the time that is its own: until the next one begins."""

    healed: Healed
    until: float

    def troubles(self, load: Load) -> Iterator[tuple[Asked, Trouble]]:
        """What went wrong in this time, whenever it had been asked for."""
        for asked in load.asked:
            for trouble in asked.troubles:
                if self.healed.began <= trouble.at < self.until:
                    yield asked, trouble


def spans(healed: list[Healed]) -> list[Span]:
    ends = [one.began for one in healed[1:]] + [float("inf")]
    return [Span(one, until) for one, until in zip(healed, ends, strict=True)]


def broken(healed: list[Healed], load: Load) -> list[str]:
    """Each promise that was not kept, in words."""
    found: list[str] = []
    for span in spans(healed):
        found += [f"{span.healed.fault}: {words}" for words in _broken(span, load)]
        if span.healed.fault.how == deck.SLOW:
            found += _slowed(span.healed, load)
    return found


def _broken(span: Span, load: Load) -> Iterator[str]:
    promise, began = span.healed.fault.promise, span.healed.began
    for asked, trouble in span.troubles(load):
        after = trouble.at - began
        what = f"{asked.kind} {trouble.words} after {after:.1f} s"
        if asked.kind not in promise.again:
            yield f"nobody may notice, but {what}"
        elif promise.says_so and not (trouble.status == 503 and trouble.later):
            yield f"503 and when to come again are promised, but {what}"
        elif after > promise.within:
            yield f"over after {promise.within:g} s, but {what}"


def _slowed(healed: Healed, load: Load) -> list[str]:
    """Whether slow clients made the others' 95th percentile more than three times what it was in the calm before."""
    before, meanwhile = compared(healed, load)
    if meanwhile <= max(before * TIMES_SLOWER, BARELY_SECONDS):
        return []
    return [f"{healed.fault}: the others' p95 rose from {before * 1000:.0f} to {meanwhile * 1000:.0f} ms"]


def compared(healed: Healed, load: Load) -> tuple[float, float]:
    """The 95th percentile of those concerned in the calm before slow clients, and while they stayed, in seconds."""
    kinds = CONCERNED[healed.fault.name]
    meanwhile = load.during(healed.began, healed.began + making.SLOW_SECONDS)
    return slowest(load.during(healed.calm, healed.began), kinds), slowest(meanwhile, kinds)


def slowest(asked: list[Asked], kinds: frozenset[str]) -> float:
    """The 95th percentile of their seconds; 0 of none."""
    taken = sorted(one.seconds for one in asked if one.kind in kinds)
    return taken[int(0.95 * (len(taken) - 1))] if taken else 0.0


def table(healed: list[Healed], load: Load) -> str:
    """A line for each fault: what was asked until the next one, what failed in the end, and how long it took.

    `over after` is when the last request went wrong that had to be asked again.
    """
    titles = ("requests", "asked again", "failed", "over after", "longest wait", "healed after")
    lines = [f"{'fault':<21}" + "".join(f"{title:>13}" for title in titles)]
    for span in spans(healed):
        over = max((trouble.at - span.healed.began for _, trouble in span.troubles(load)), default=0.0)
        asked = load.during(span.healed.began, span.until)
        lines.append(_line(str(span.healed.fault), asked, over, span.healed.ended - span.healed.began))
    lines.append(_line("everything", load.asked, 0.0, sum(one.ended - one.began for one in healed)))
    for one in healed:
        if one.fault.how == deck.SLOW:
            before, meanwhile = compared(one, load)
            lines.append(f"{one.fault}: the others' p95 was {before * 1000:.0f} ms, then {meanwhile * 1000:.0f} ms")
    return "\n".join(lines)


def _line(name: str, asked: list[Asked], over: float, seconds: float) -> str:
    again, failed = sum(one.tries > 1 for one in asked), sum(bool(one.wrong) for one in asked)
    longest = max((one.seconds for one in asked), default=0.0)
    times = "".join(f"{time:>11.1f} s" for time in (over, longest, seconds))
    return f"{name:<21}{len(asked):>13}{again:>13}{failed:>13}{times}"
