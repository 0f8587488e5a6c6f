"""The calendar of freezes as a pure function: edges, clocks put forward and back, what follows on what, bad input."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.policies import timing
from deployments.policies.freezes import Freeze, frozen, in_words, parse
from deployments.policies.rules import DEFAULTS
from deployments.policies.rules import parse as rules_of
from portal.core.errors import BadInput

FRIDAY = {"name": "Black Friday", "from": "2026-11-27T18:00+01:00", "to": "2026-11-30T06:00+01:00", "reason": "peak"}
WEEKEND = {"name": "Weekend", "from": "fri 18:00", "to": "mon 06:00", "zone": "Europe/Berlin"}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def until(freezes: tuple[Freeze, ...], now: str) -> datetime | None:
    found = frozen(freezes, at(now))
    return found.until if found else None


def test_one_freeze_holds_from_its_first_moment_until_before_its_last() -> None:
    once = parse([FRIDAY])
    assert until(once, "2026-11-27 16:59") is None
    assert until(once, "2026-11-27 17:00") == at("2026-11-30 05:00")
    assert until(once, "2026-11-30 04:59") == at("2026-11-30 05:00")
    assert until(once, "2026-11-30 05:00") is None
    assert in_words(once) == ["Freeze Black Friday: 27 Nov 2026 17:00 to 30 Nov 2026 05:00 UTC (peak)"]


def test_a_week_follows_the_clock_of_its_zone() -> None:
    """Berlin is an hour from UTC in winter and two in summer; the clock on the wall decides."""
    weekend = parse([WEEKEND])
    assert until(weekend, "2026-01-09 17:00") == at("2026-01-12 05:00")
    assert until(weekend, "2026-01-09 16:59") is None
    assert until(weekend, "2026-07-10 16:00") == at("2026-07-13 04:00")
    # 25 October 2026: the clock is put back during the freeze, which began in summer time and ends in winter time.
    assert until(weekend, "2026-10-23 16:00") == at("2026-10-26 05:00")


def test_where_the_clock_jumps_a_freeze_is_never_shorter_than_the_clock_says() -> None:
    night = parse([{"name": "Night", "from": "sun 02:30", "to": "sun 02:45", "zone": "Europe/Berlin"}])
    # Put back at 03:00: 02:30 to 02:45 comes twice, and both are frozen, with what lies between.
    assert until(night, "2026-10-25 00:30") == at("2026-10-25 01:45")
    assert until(night, "2026-10-25 01:40") == at("2026-10-25 01:45")
    # Put forward at 02:00: 02:30 never comes. The freeze covers whatever it could mean.
    assert until(night, "2026-03-29 01:00") == at("2026-03-29 01:45")


def test_freezes_that_follow_on_each_other_are_one_wait() -> None:
    more = {"name": "Audit", "from": "2026-11-30T05:00+00:00", "to": "2026-12-01T00:00+00:00"}
    found = frozen(parse([FRIDAY, more]), at("2026-11-28 00:00"))
    assert found is not None
    assert (found.name, found.until) == ("Black Friday", at("2026-12-01 00:00"))


def test_a_calendar_without_a_gap_has_no_end_to_tell() -> None:
    always = [
        {"name": "First half", "from": "mon 00:00", "to": "thu 00:00", "zone": "UTC"},
        {"name": "Second half", "from": "thu 00:00", "to": "mon 00:00", "zone": "UTC"},
    ]
    found = frozen(parse(always), at("2026-11-28 00:00"))
    assert found is not None
    assert found.until is None


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)),  # noqa: DTZ001  (hypothesis wants bounds without zone)
    st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "UTC"]),
)
def test_every_moment_is_frozen_exactly_when_the_wall_clock_says(naive: datetime, zone: str) -> None:
    """Away from the hours at which clocks jump, the local weekday and time decide and nothing else does."""
    now = naive.replace(tzinfo=UTC)
    local = now.astimezone(ZoneInfo(zone))
    minutes = local.weekday() * 1440 + local.hour * 60 + local.minute
    wanted = minutes >= 4 * 1440 + 18 * 60 or minutes < 6 * 60
    assert (frozen(parse([WEEKEND | {"zone": zone}]), now) is not None) == wanted


@pytest.mark.parametrize(
    ("item", "place"),
    [
        ("always", "freezes[0]"),
        ({"name": "x", "from": "fri 18:00"}, "freezes[0]"),
        (FRIDAY | {"who": "me"}, "freezes[0]"),
        (FRIDAY | {"name": " "}, "freezes[0].name"),
        (FRIDAY | {"reason": 7}, "freezes[0].reason"),
        (FRIDAY | {"from": "2026-11-27T18:00"}, "freezes[0].from"),
        (FRIDAY | {"from": "fri 18:00"}, "freezes[0].from"),
        (FRIDAY | {"to": "soon"}, "freezes[0].to"),
        (FRIDAY | {"to": FRIDAY["from"]}, "freezes[0].to"),
        (WEEKEND | {"from": "friday 18:00"}, "freezes[0].from"),
        (WEEKEND | {"to": "mon 24:00"}, "freezes[0].to"),
        (WEEKEND | {"to": "fri 18:00"}, "freezes[0].to"),
        (WEEKEND | {"zone": "Berlin"}, "freezes[0].zone"),
        (WEEKEND | {"zone": "../etc/passwd"}, "freezes[0].zone"),
        (WEEKEND | {"zone": 7}, "freezes[0].zone"),
    ],
)
def test_what_is_wrong_is_named(item: Any, place: str) -> None:
    with pytest.raises(BadInput) as refusal:
        parse([item])
    assert list(refusal.value.fields) == [place]


def test_all_that_is_wrong_with_a_calendar_is_named_at_once() -> None:
    wrong = [
        FRIDAY | {"name": "", "reason": 7, "from": "fri 18:00", "to": "soon"},
        WEEKEND | {"to": "fri 18:00", "zone": "Berlin"},
        {"name": "Weekend"},
    ]
    with pytest.raises(BadInput) as refusal:
        parse(wrong)
    assert refusal.value.fields.keys() == {
        "freezes", "freezes[0].name", "freezes[0].reason", "freezes[0].from", "freezes[0].to", "freezes[1].to",
        "freezes[1].zone", "freezes[2]",
    }  # fmt: skip
    assert refusal.value.message.startswith("freezes must have a name of its own for each freeze. freezes[0].name must")


def test_all_that_is_wrong_with_the_rules_is_named_at_once() -> None:
    rule = {"name": "", "role": "king", "team": 7, "count": 0}
    wrong: dict[str, Any] = {
        "request_days": 0,
        "approvals": [rule, {}],
        "freezes": [FRIDAY | {"to": "soon", "name": ""}],
        "gates": {"quality": {}, "slices": 7, "luck": {}},
        "bypass": {"by": [rule], "hours": 25, "review_hours": 0, "gates": []},
    }
    with pytest.raises(BadInput) as refusal:
        rules_of(DEFAULTS["production"] | wrong)
    of_rule = [f"{place}.{name}" for place in ("approvals[0]", "bypass.by[0]") for name in rule]
    assert refusal.value.fields.keys() == {
        *of_rule, "request_days", "approvals[1]", "freezes[0].to", "freezes[0].name", "gates.quality.metric",
        "gates.slices", "gates.luck", "bypass.hours", "bypass.review_hours", "bypass.gates",
    }  # fmt: skip


def test_a_calendar_is_a_list_of_freezes_with_different_names() -> None:
    wrong: list[object] = [{}, [FRIDAY, FRIDAY], [FRIDAY | {"name": str(n)} for n in range(101)]]
    for given_ in wrong:
        with pytest.raises(BadInput) as refusal:
            parse(given_)
        assert list(refusal.value.fields) == ["freezes"]


NOW = at("2026-11-27 12:00")


@pytest.mark.parametrize(
    ("minutes", "ago", "words"),
    [
        (0, 0, ""),
        (30, 31, ""),
        (30, 10, "waits until 27 Nov 2026, 12:20 UTC: 30 minutes after the last approval"),
        (
            360,
            0,
            "waits until 30 Nov 2026, 05:00 UTC: 6 hours after the last approval and freeze 'Black Friday'",
        ),
    ],
)
def test_the_waiting_time_runs_from_the_last_approval_into_the_freeze(minutes: int, ago: int, words: str) -> None:
    rules = rules_of(DEFAULTS["production"] | {"wait_minutes": minutes, "freezes": [FRIDAY]})
    held = timing.of(rules, rules.freezes, since=NOW - timedelta(minutes=ago), now=NOW)
    assert held.words == words
    assert bool(held) == bool(words)


def test_what_a_bypass_names_is_not_waited_for() -> None:
    rules = rules_of(DEFAULTS["production"] | {"wait_minutes": 360, "freezes": [FRIDAY]})
    held = timing.of(rules, rules.freezes, since=NOW, now=NOW, skip=["wait"])
    assert not held
    late = NOW + timedelta(hours=6)
    assert timing.of(rules, rules.freezes, since=NOW, now=late).codes == ("freeze",)
    assert timing.of(rules, rules.freezes, since=late, now=late, skip=["freeze"]).codes == ("wait",)


@pytest.mark.parametrize(
    ("member", "place"),
    [
        ({"wait_minutes": -1}, "wait_minutes"),
        ({"wait_minutes": True}, "wait_minutes"),
        ({"wait_minutes": 72 * 60}, "wait_minutes"),
        ({"freezes": [FRIDAY | {"to": "soon"}]}, "freezes[0].to"),
        ({"bypass": []}, "bypass"),
        ({"bypass": {"by": []}}, "bypass"),
        ({"bypass": {"by": [], "hours": 1}}, "bypass.by"),
        ({"bypass": {"by": [{"name": "x"}], "hours": 1}}, "bypass.by[0]"),
        ({"bypass": {"by": DEFAULTS["production"]["approvals"], "hours": 25}}, "bypass.hours"),
        ({"bypass": {"by": DEFAULTS["production"]["approvals"], "hours": 1, "review_hours": 0}}, "bypass.review_hours"),
        ({"bypass": {"by": DEFAULTS["production"]["approvals"], "hours": 1, "gates": []}}, "bypass.gates"),
        ({"bypass": {"by": DEFAULTS["production"]["approvals"], "hours": 1, "gates": ["validated"]}}, "bypass.gates"),
    ],
)
def test_the_members_of_the_rules_are_named_when_they_are_wrong(member: dict[str, Any], place: str) -> None:
    with pytest.raises(BadInput) as refusal:
        rules_of(DEFAULTS["production"] | member)
    assert list(refusal.value.fields) == [place]


def test_without_the_new_members_nothing_changes() -> None:
    found = rules_of(DEFAULTS["production"])
    assert (found.wait_minutes, found.freezes, found.bypass) == (0, (), None)
