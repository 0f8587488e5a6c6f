"""When an approved request can start: after the waiting time of its rules, and outside every freeze. Pure."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from deployments.policies.freezes import Freeze, Frozen, frozen
from deployments.policies.rules import Rules, minutes_in_words
from portal.ui import text

Json = dict[str, Any]
WAIT, FREEZE = "wait", "freeze"


@dataclass(frozen=True, slots=True)
class Timing:
    """What stands between approvals and the start: the end of the waiting time, and the freeze that holds then.

    `starts_at` is the earliest start; None with `held` when no end can be told.
    """

    held: bool
    starts_at: datetime | None
    wait_until: datetime | None = None
    frozen: Frozen | None = None
    minutes: int = 0

    def __bool__(self) -> bool:
        return self.held

    @property
    def codes(self) -> tuple[str, ...]:
        """What holds it back, as a bypass names it."""
        return tuple(self.notes)

    @property
    def notes(self) -> dict[str, str]:
        """Each of them with its own words."""
        words = {WAIT: f"{minutes_in_words(self.minutes)} after the last approval"} if self.wait_until else {}
        return words | ({FREEZE: f"freeze '{self.frozen.name}'"} if self.frozen else {})

    @property
    def why(self) -> str:
        return " and ".join(self.notes.values())

    @property
    def when(self) -> str:
        return f"until {text.stamp(self.starts_at, 'minutes')}" if self.starts_at else "with no end in sight"

    @property
    def words(self) -> str:
        """ "waits until 28 Nov 2026, 06:00 UTC: freeze 'Black Friday'"; "" when nothing holds it back."""
        return f"waits {self.when}: {self.why}" if self.held else ""


FREE = Timing(held=False, starts_at=None)


def of(
    rules: Rules, freezes: Iterable[Freeze], *, since: datetime, now: datetime, skip: Collection[str] = ()
) -> Timing:
    """What holds a request back that was approved in full at `since`. `skip` is what a bypass passes over."""
    over = since + timedelta(minutes=rules.wait_minutes)
    wait_until = over if over > now and WAIT not in skip else None
    at = wait_until or now
    holds = frozen(freezes, at) if FREEZE not in skip else None
    if wait_until is None and holds is None:
        return FREE
    return Timing(True, holds.until if holds else at, wait_until, holds, rules.wait_minutes)


def checks(rules: Rules, freezes: Collection[Freeze], timing: Timing, *, approved: bool) -> list[Json]:
    """The waiting time and the calendar as rows beside the checks of the evidence.

    They are no part of it: they change with the clock, and nobody approves them.
    """
    found = []
    if rules.wait_minutes:
        found.append(_wait(rules, timing, approved))
    if freezes:
        found.append(_freeze(freezes, timing))
    return found


def _wait(rules: Rules, timing: Timing, approved: bool) -> Json:
    limit = f"{minutes_in_words(rules.wait_minutes)} after the last approval"
    if not approved:
        return _row(WAIT, "Waiting time", "running", "not begun", limit, "It begins with the last approval.")
    if timing.wait_until is None:
        return _row(WAIT, "Waiting time", "pass", "over", limit, "")
    return _row(WAIT, "Waiting time", "running", f"until {text.stamp(timing.wait_until, 'minutes')}", limit, "")


def _freeze(freezes: Collection[Freeze], timing: Timing) -> Json:
    limit = f"none of {len(freezes)} freezes holds" if len(freezes) > 1 else "no freeze holds"
    if timing.frozen is None:
        return _row(FREEZE, "Freeze window", "pass", "open", limit, "")
    until = timing.frozen.until
    note = ", ".join(filter(None, [timing.frozen.name, timing.frozen.reason]))
    measured = f"frozen until {text.stamp(until, 'minutes')}" if until else "frozen with no end in sight"
    return _row(FREEZE, "Freeze window", "running", measured, limit, f"{note}. It can be approved meanwhile.")


def _row(code: str, label: str, verdict: str, measured: str, limit: str, note: str) -> Json:
    return {"code": code, "label": label, "verdict": verdict, "measured": measured, "limit": limit, "note": note}
