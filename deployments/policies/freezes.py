"""When an environment starts no promotion: single freezes and weekly windows, each by the clock of its time zone.

`[{"name", "from", "to", "reason"}]` with times as ISO 8601 with an offset, or `[{"name", "from": "fri 18:00", "to":
"mon 06:00", "zone": "Europe/Berlin", "reason"}]`; `reason` may be left out.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from portal.core.errors import BadInput, gathered

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MOMENT = re.compile(rf"({'|'.join(DAYS)}) ([01][0-9]|2[0-3]):([0-5][0-9])")
MOST = 100
HORIZON = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Once:
    """From one moment to another."""

    name: str
    reason: str
    start: datetime
    end: datetime

    def end_of(self, now: datetime) -> datetime | None:
        """When it ends, if it holds at `now`."""
        return self.end if self.start <= now < self.end else None

    @property
    def words(self) -> str:
        return f"{self.start.astimezone(UTC):%d %b %Y %H:%M} to {self.end.astimezone(UTC):%d %b %Y %H:%M} UTC"


@dataclass(frozen=True, slots=True)
class Moment:
    """A time of the week, Monday being day 0."""

    day: int
    time: time

    @property
    def words(self) -> str:
        return f"{DAYS[self.day].capitalize()} {self.time:%H:%M}"


@dataclass(frozen=True, slots=True)
class Weekly:
    """Each week from one time to another, as a clock in `zone` shows them.

    Where that clock is put forward or back, the freeze is never shorter than the clock says.
    """

    name: str
    reason: str
    start: Moment
    end: Moment
    zone: str

    @property
    def days(self) -> int:
        """How many days after its first day it ends."""
        days = (self.end.day - self.start.day) % 7
        return days or (7 if self.end.time <= self.start.time else 0)

    def end_of(self, now: datetime) -> datetime | None:
        """When it ends, if it holds at `now`; it may have begun in the week before."""
        today = now.astimezone(ZoneInfo(self.zone)).date()
        monday = today - timedelta(days=today.weekday())
        for first in (monday - timedelta(days=7), monday):
            begins = first + timedelta(days=self.start.day)
            start = min(self._moments(begins, self.start.time))
            end = max(self._moments(begins + timedelta(days=self.days), self.end.time))
            if start <= now < end:
                return end
        return None

    def _moments(self, day: date, at: time) -> list[datetime]:
        """What the wall clock's time may mean: two moments where it is put back or forward over it, otherwise one."""
        zone = ZoneInfo(self.zone)
        return [datetime.combine(day, at.replace(fold=fold), zone).astimezone(UTC) for fold in (0, 1)]

    @property
    def words(self) -> str:
        return f"{self.start.words} to {self.end.words}, {self.zone}"


Freeze = Once | Weekly


@dataclass(frozen=True, slots=True)
class Frozen:
    """A freeze that holds; `until` is when no freeze holds any more, None when that is too far to say."""

    name: str
    reason: str
    until: datetime | None


def frozen(freezes: Iterable[Freeze], now: datetime) -> Frozen | None:
    """The freeze that holds at `now`, with freezes that follow on it taken together; None when there is none."""
    every = list(freezes)
    first = next((freeze for freeze in every if freeze.end_of(now)), None)
    if first is None:
        return None
    at: datetime = now
    while at < now + HORIZON:
        ends = [end for freeze in every if (end := freeze.end_of(at)) is not None]
        if not ends:
            return Frozen(first.name, first.reason, at)
        at = max(ends)
    return Frozen(first.name, first.reason, None)


def parse(given: object) -> tuple[Freeze, ...]:
    """The calendar in `given`; raises `BadInput` that names each member that is wrong."""
    if not isinstance(given, list) or len(given) > MOST:
        raise _bad("freezes", f"must be a list of at most {MOST} freezes")
    read = [partial(_freeze, f"freezes[{index}]", item) for index, item in enumerate(given)]
    _, *found = gathered(partial(_distinct, given), *read)
    return tuple(found)


def _distinct(given: list[Any]) -> None:
    names = [item["name"].strip() for item in given if isinstance(item, dict) and isinstance(item.get("name"), str)]
    if len(set(names)) != len(names):
        raise _bad("freezes", "must have a name of its own for each freeze")


def _freeze(place: str, item: Any) -> Freeze:
    known = {"name", "from", "to", "reason", "zone"}
    if not isinstance(item, dict) or not {"name", "from", "to"} <= set(item) <= known:
        raise _bad(place, "needs name, from and to, and may have reason and, when it comes each week, zone")
    name, reason, made = gathered(
        lambda: _text(f"{place}.name", item["name"], 1, 80),
        lambda: _text(f"{place}.reason", item.get("reason", ""), 0, 300),
        lambda: (_weekly if "zone" in item else _once)(place, item),
    )
    freeze: Freeze = replace(made, name=name, reason=reason)
    return freeze


def _once(place: str, item: dict[str, Any]) -> Once:
    start, end = gathered(*(partial(_at, f"{place}.{member}", item[member]) for member in ("from", "to")))
    if end <= start:
        raise _bad(f"{place}.to", "must be later than from")
    return Once("", "", start, end)


def _weekly(place: str, item: dict[str, Any]) -> Weekly:
    (start, end), zone = gathered(lambda: _week(place, item), lambda: _zone(f"{place}.zone", item["zone"]))
    return Weekly("", "", start, end, zone)


def _week(place: str, item: dict[str, Any]) -> tuple[Moment, Moment]:
    start, end = gathered(*(partial(_moment, f"{place}.{member}", item[member]) for member in ("from", "to")))
    if start == end:
        raise _bad(f"{place}.to", "must differ from from: a freeze of the whole week never ends")
    return start, end


def _at(place: str, given: object) -> datetime:
    try:
        found = datetime.fromisoformat(given) if isinstance(given, str) else None
    except ValueError:
        found = None
    if found is None or found.tzinfo is None or not 1970 < found.year < 9000:
        raise _bad(place, "must be a time with its offset, such as 2026-11-27T18:00+01:00, or a weekday with a zone")
    return found.astimezone(UTC)


def _moment(place: str, given: object) -> Moment:
    found = MOMENT.fullmatch(given) if isinstance(given, str) else None
    if found is None:
        raise _bad(place, f"must be a day ({', '.join(DAYS)}) and a time, such as fri 18:00")
    return Moment(DAYS.index(found[1]), time(int(found[2]), int(found[3])))


def _zone(place: str, given: object) -> str:
    try:
        if isinstance(given, str):
            return ZoneInfo(given).key
    except (KeyError, ValueError, OSError):
        pass
    raise _bad(place, "must be a time zone by its IANA name, such as Europe/Berlin")


def _text(place: str, given: object, least: int, most: int) -> str:
    if not isinstance(given, str) or not least <= len(given.strip()) <= most:
        raise _bad(place, f"must be {least} to {most} characters")
    return given.strip()


def _bad(place: str, sentence: str) -> BadInput:
    return BadInput(f"{place} {sentence}.", fields={place: sentence})


def in_words(freezes: Sequence[Freeze]) -> list[str]:
    """One line for each freeze."""
    return [f"Freeze {one.name}: {one.words}" + (f" ({one.reason})" if one.reason else "") for one in freezes]
