"""The guards of a rollout as its page shows them: what each saw, its limit, and what is still needed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from deployments.analysis import telling
from deployments.analysis.rates import Range
from deployments.engine import plans
from deployments.engine.planner import GRACE
from deployments.engine.steps import MOVES, Guard, Steps, guards_at, stage_of
from deployments.models import Measurement, Rollout
from deployments.selectors.rollout_seen import Seen, seen
from deployments.selectors.verdicts import told
from portal.ui import text

STATES = {
    "passing": ("ok", "Holding", "check"),
    "failing": ("bad", "Breached", "alert"),
    "error": ("bad", "Not measured", "alert"),
    "inconclusive": ("mute", "Not judged yet", "hourglass"),
}
TOO_EARLY = "too early to say how many it takes"


@dataclass(frozen=True, slots=True)
class GuardRow:
    """One guard: what each version showed and by how many, the difference with its interval, the limit, and where that
    leads."""

    name: str
    about: str
    old: str
    old_n: str
    new: str
    new_n: str
    difference: str
    limit: str
    tone: str
    state: str
    icon: str
    missing: str


@dataclass(frozen=True, slots=True)
class Guards:
    """All guards of the weight that stands. `need` is about how many requests the last of them waits for, None while it
    is too early to say; `unread` says since when nothing was measured ("since 16:02 UTC"), "" while that is not too
    long ago."""

    rows: list[GuardRow]
    seen: int
    need: int | None
    mismatch: str
    chance: str
    row: Measurement | None
    unread: str = ""

    @property
    def holding(self) -> int:
        return sum(row.tone == "ok" for row in self.rows)

    @property
    def counted(self) -> str:
        seen = telling.count(self.seen)
        if self.need is None:
            return f"{seen} requests to the new version so far; {TOO_EARLY}"
        return f"{seen} of about {telling.count(telling.rounded(self.need))} requests to the new version"


def guards(rollout: Rollout, now: datetime, known: Seen | None = None) -> Guards | None:
    """The guards of the weight that stands; None where nothing is compared."""
    known = known or seen(rollout)
    steps = known.plan
    stage, watching = stage_of(steps, rollout.step), guards_at(steps, rollout.step)
    if stage is None or not watching:
        return None
    row = known.measured.get(stage)
    verdicts = {(one["measure"], one["limit"]): one for one in (told(row, rollout, now) if row else [])}
    rows = [_guard_row(guard.measure, guard.limit, verdicts.get((guard.measure, guard.limit))) for guard in watching]
    # Refusals are watched under every plan, and told once they are breached.
    rows += [_guard_row(measure, limit, one) for (measure, limit), one in verdicts.items() if measure == "refusals"]
    had = row.requests if row else 0
    need = _need(watching, [verdicts[key] for key in verdicts if key[0] != "refusals"], had)
    chance = f"{plans.false_alarm(steps) * 100:.2g} %"
    unread = _unread(rollout, row, steps, now)
    rows = [_aged(one, unread) for one in rows] if unread else rows
    return Guards(rows, had, need, row.mismatch if row else "", chance, row, unread)


def _need(watching: Sequence[Guard], verdicts: Sequence[Mapping[str, Any]], had: int) -> int | None:
    """About how many requests it takes in all until each guard has an answer; None while that is too early to say."""
    if any(one["early"] for one in verdicts):
        return None
    return max([guard.fewest for guard in watching] + [had + (one["needed"] or 0) for one in verdicts])


def as_they_stood(rollout: Rollout, row: Measurement) -> list[GuardRow]:
    """What each guard said of a weight when it was measured last: for a rollout that is over."""
    found = told(row, rollout, row.read_at)
    shown = [one for one in found if one["measure"] != "refusals" or one["answer"] == "failing"]
    return [_guard_row(one["measure"], one["limit"], one) for one in shown]


def _unread(rollout: Rollout, row: Measurement | None, steps: Steps, now: datetime) -> str:
    """Since when nothing was measured, in words, once that is longer than the engine waits; "" before, and while the
    weight is not in force yet."""
    coming = row is None and rollout.step < len(steps) and isinstance(steps[rollout.step], MOVES)
    moments = [row.read_at if row else None, rollout.step_began_at]
    since = max((at for at in moments if at is not None), default=None)
    if coming or since is None or (now - since).total_seconds() <= GRACE:
        return ""
    return f"since {text.stamp(since, 'time' if now.date() == since.date() else 'minutes')}"


def _aged(row: GuardRow, unread: str) -> GuardRow:
    """What it said while it was measured holds no longer; only what was breached then stays so."""
    if row.tone == "bad" and row.state == STATES["failing"][1]:
        return row
    return replace(row, tone="warn", state=STATES["error"][1], icon="clock", missing=unread)


def _guard_row(measure: str, limit: float, verdict: Mapping[str, Any] | None) -> GuardRow:
    found = verdict or {"answer": "inconclusive", "value": None, "range": None, "missing": "no data yet"}
    tone, state, icon = STATES[found["answer"]]
    range_ = Range(found["range"]["low"], found["range"]["high"]) if found["range"] else None
    value = "" if found["value"] is None else telling.amount(measure, found["value"])
    return GuardRow(
        name=telling.NAMES[measure],
        about=telling.ABOUT[measure],
        old=telling.own(measure, found.get("old")),
        old_n=telling.based(measure, found.get("champion_n")),
        new=telling.own(measure, found.get("new")),
        new_n=telling.based(measure, found.get("n")),
        difference=f"{value} {telling.interval(measure, range_)}".strip() or "–",
        limit=telling.limit(measure, limit),
        tone=tone,
        state=state,
        icon=icon,
        missing=found["missing"],
    )
