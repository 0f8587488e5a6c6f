"""The planner in steps against a small world that loses tables and processes, measures badly, and has people in it.

In any world and for any plan: it ends, weights are shares of a whole, generations only rise, a share rises only once
the one before it was read back, nobody who is not ready gets traffic, and a standstill moves nothing.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from deployments.engine import plans, ready_made
from deployments.engine.planner import (
    BLIND,
    GRACE,
    MOST_AWAY,
    MOST_CRASHES,
    Aim,
    Answer,
    Command,
    Probed,
    Routes,
    Snapshot,
    Watch,
    aim_at,
    decide,
)
from deployments.engine.steps import WHOLE, Analyse, Hold, Pause, Steps, guards_at, next_move, share_at, stage_of

NEW, OLD = "new", "old"
GUARD = {"measure": "errors", "limit": 0.01, "alpha": 0.01, "fewest": 100}
JUDGE = {"do": "analyse", "guards": [GUARD], "give_up": 60}
SWITCH = {"do": "switch"}
TWO = plans.parse({"steps": [{"do": "weight", "weight": 500}, JUDGE, {"do": "weight", "weight": 5000}, SWITCH]})
CANARY = plans.parse(ready_made.PLANS["canary"])


def start(plan: Steps, **changes: Any) -> Snapshot:
    fresh = Snapshot("pending", NEW, "requested", OLD, "absent", "", True, Routes(4, OLD), None, None, False)
    return replace(fresh, **{"plan": plan, "step": 0, "former_loaded": "ready", **changes})


@dataclass
class World:
    """The rows and the runtime, and what a command does to both. `routed` is every table ever in force, `newest` the
    number the endpoint's own row has come to, which no loss in the runtime undoes."""

    snapshot: Snapshot
    routed: list[Routes] = field(default_factory=list)
    confirmed: set[int | None] = field(default_factory=lambda: {None, 0})
    done: list[str] = field(default_factory=list)
    newest: int = 4

    def look(self) -> Command:
        s = self.snapshot
        if s.taken is not None and s.in_force(s.taken):
            self.confirmed.add(WHOLE if s.taken == Aim(NEW) else s.taken.cut)
        return decide(s)

    def apply(self, command: Command) -> None:
        s = self.snapshot
        changes: dict[str, dict[str, Any]] = {
            "begin": {"status": "progressing"},
            "load": {"loaded": "loading"} | ({"target_recorded": "loading"} if s.target_recorded != "ready" else {}),
            "note_loading": {"target_recorded": "loading"},
            "note_warm": {"target_recorded": "ready", "step": max(s.step, 2), "at_step": 0.0},
            "complete": {"status": "completed"},
            "fail": {"status": "aborting"},
            "settle": {"status": "aborted"},
            "wait": {"at_step": s.at_step + command.wait},
            "probe": {"probed": Probed()},
        }
        if command.do == "next" and s.step == command.step:
            changes["next"] = {"step": s.step + 1, "at_step": 0.0}
        if command.do == "pause" and s.step == command.step:
            changes["pause"] = {"status": "paused"}
        if command.do in ("take_generation", "take_back_generation"):
            changes[command.do] = self._take(command)
        if command.do == "complete":
            assert s.routes == Routes(s.generation or 0, NEW)
            assert s.probed.right, "who answers was seen since that table was put in force"
        if command.do == "settle" and s.generation is not None:
            assert s.routes == Routes(s.generation, OLD)
        if command.do in ("route", "route_back"):
            self._route()
        self.snapshot = replace(self.snapshot, **changes.get(command.do, {}))
        if command.do in ("load", "wait") and self.snapshot.loaded == "loading":
            self.snapshot = replace(self.snapshot, loaded="ready")

    def _take(self, command: Command) -> dict[str, Any]:
        s, aim = self.snapshot, command.aim
        assert aim is not None
        assert 0 <= aim.cut <= WHOLE
        assert aim.canary or not aim.cut
        if s.status == "progressing":
            share = WHOLE if aim == Aim(NEW) else aim.cut
            before = (stage_of(s.plan, s.step) or 0) - 1
            assert share_at(s.plan, before) in self.confirmed or share_at(s.plan, before) == share
        if s.status == "paused":
            assert aim == s.taken or (aim == Aim(OLD) and not s.routes.generation)
        self.newest = max(self.newest, command.at_least) + 1
        return {"generation": self.newest, "generation_target": aim.stable, "generation_canary": aim.canary,
                "generation_cut": aim.cut, "probed": Probed(right=False)}  # fmt: skip

    def _route(self) -> None:
        """The runtime refuses an older table, and one that names a revision that is not ready."""
        s = self.snapshot
        assert s.generation is not None
        assert s.taken is not None
        if s.generation < s.routes.generation or (NEW in (s.taken.stable, s.taken.canary) and s.loaded != "ready"):
            return
        table = Routes(s.generation, s.taken.stable, s.taken.canary, s.taken.cut)
        if table != s.routes:
            self.routed.append(table)
        self.snapshot = replace(s, routes=table)

    def stranded(self) -> bool:
        s = self.snapshot
        active = s.status in ("progressing", "paused", "aborting") and s.loaded != "failed"
        return active and not s.routes.generation and s.former_loaded == "ready"

    def step(self) -> Command:
        command = self.look()
        self.done.append(command.do)
        self.apply(command)
        return command

    def shares(self) -> list[int]:
        return [WHOLE if table.stable == NEW else table.cut for table in self.routed]


def settle(world: World, *, answers: Answer = "passing", steps: int = 2000) -> None:
    """Let it go its way while the measures say the same at every look; people say go on wherever it asks."""
    for _ in range(steps):
        seen = replace(world.snapshot.watch, answer=answers, requests=10**9, unread=0.0, mismatch="", why="seen")
        world.snapshot = replace(world.snapshot, watch=seen, deadline_passed=False, held="")
        command = world.step()
        if command.do == "done":
            return
        if world.snapshot.status == "paused":
            waits = isinstance(world.snapshot.current, Pause | Analyse | Hold)
            on = next_move(world.snapshot.plan, world.snapshot.step) if waits else world.snapshot.step
            world.snapshot = replace(world.snapshot, status="progressing", step=on, at_step=0.0)
    raise AssertionError(f"no end: {world.done[-20:]}")


def test_a_canary_goes_through_its_steps() -> None:
    world = World(start(CANARY))
    settle(world)
    assert world.shares() == [500, 2500, 5000, WHOLE]
    assert [table.generation for table in world.routed] == [5, 6, 7, 8]
    assert world.routed[-1] == Routes(8, NEW)
    assert world.snapshot.status == "completed"


def test_blue_green_holds_the_former_champion_before_it_is_over() -> None:
    world = World(start(plans.parse(ready_made.PLANS["blue-green"])))
    settle(world)
    assert world.shares() == [WHOLE]
    assert world.done.count("wait") >= 200
    assert world.done[-2:] == ["complete", "done"]


def test_a_failing_guard_leads_back_by_itself() -> None:
    world = World(start(TWO))
    while world.snapshot.routes.cut == 0:
        world.step()
    world.snapshot = replace(world.snapshot, watch=Watch(1000, "failing", "errors +2 pp"))
    assert decide(world.snapshot) == Command("fail", why="errors +2 pp", code="guard")
    settle(world, answers="failing")
    assert world.routed[-1] == Routes(6, OLD)
    assert world.snapshot.status == "aborted"


@pytest.mark.parametrize(
    ("watch", "at_step", "expected"),
    [
        (Watch(0, None), 0.0, ("wait", "")),
        (Watch(0, "inconclusive", "not enough data yet"), 59.0, ("wait", "")),
        (Watch(0, "inconclusive", "not enough data yet"), 60.0, ("pause", "inconclusive")),
        (Watch(50, "error", "no counts"), 10.0, ("wait", "")),
        (Watch(50, "error", "no counts"), GRACE + 1, ("pause", "unmeasured")),
        (Watch(500, "passing", unread=0.5), 10.0, ("wait", "")),
        (Watch(500, "passing", unread=GRACE + 1), 10.0, ("pause", "unmeasured")),
        (Watch(500, "passing", mismatch="9 % came"), 10.0, ("pause", "mismatch")),
        (Watch(500, "passing"), 0.0, ("next", "")),
    ],
)
def test_what_a_judgement_leads_to(watch: Watch, at_step: float, expected: tuple[str, str]) -> None:
    at = next(at for at, step in enumerate(TWO) if isinstance(step, Analyse))
    there = start(TWO, status="progressing", loaded="ready", target_recorded="ready", routes=Routes(5, OLD, NEW, 500),
                  generation=5, generation_target=OLD, generation_canary=NEW, generation_cut=500, step=at,
                  watch=watch, at_step=at_step)  # fmt: skip
    command = decide(there)
    assert (command.do, command.code) == expected


WAITS: list[dict[str, Any]] = [{"seconds": 5}, {"requests": 5}]


@pytest.mark.parametrize("until", WAITS)
@pytest.mark.parametrize(
    ("watch", "at_step", "expected"),
    [
        (Watch(9, "inconclusive", "too few"), 5.0, ("next", "")),
        (Watch(9, "passing"), 5.0, ("next", "")),
        (Watch(9, "passing", unread=0.5), 5.0, ("wait", "")),
        (Watch(9, "passing", unread=3000.0), 5.0, ("pause", "unmeasured")),
        (Watch(9, "error", "no counts"), 5.0, ("wait", "")),
        (Watch(9, "error", "no counts", 3000.0), GRACE + 1, ("pause", "unmeasured")),
        (Watch(9, "passing", mismatch="9 % came"), 5.0, ("pause", "mismatch")),
    ],
)
def test_a_pause_goes_on_only_while_the_guards_that_watch_see(
    until: dict[str, Any], watch: Watch, at_step: float, expected: tuple[str, str]
) -> None:
    """Judged before it; without guards nobody watches and nothing is asked."""
    wait = {"do": "pause", "until": until}
    steps: list[dict[str, Any]] = [{"do": "weight", "weight": 500}, JUDGE, wait, SWITCH]
    there = start(plans.parse({"steps": steps}), status="progressing", loaded="ready", target_recorded="ready",
                  routes=Routes(5, OLD, NEW, 500), generation=5, generation_target=OLD, generation_canary=NEW,
                  generation_cut=500, step=4, watch=watch, at_step=at_step)  # fmt: skip
    command = decide(there)
    assert (command.do, command.code) == expected
    bare = plans.parse({"steps": [steps[0], wait, SWITCH]})
    assert decide(replace(there, plan=bare, step=3, watch=Watch(9))).do == "next"


@pytest.mark.parametrize(
    ("code", "paused", "watch", "do"),
    [
        ("unmeasured", BLIND + 1, Watch(50, "error", "no counts"), "fail"),
        ("unmeasured", BLIND + 1, Watch(50, "passing", unread=GRACE + 1), "fail"),
        ("unmeasured", BLIND - 1, Watch(50, "error", "no counts"), "wait"),
        ("unmeasured", BLIND + 1, Watch(50, "passing"), "wait"),
        ("inconclusive", BLIND + 1, Watch(50, "error", "no counts"), "wait"),
        ("person", BLIND + 1, Watch(unread=GRACE + 1), "wait"),
    ],
)
def test_a_standstill_without_measures_ends_by_itself_after_a_day(
    code: str, paused: float, watch: Watch, do: str
) -> None:
    at = next(at for at, step in enumerate(TWO) if isinstance(step, Analyse))
    there = start(TWO, status="paused", loaded="ready", target_recorded="ready", routes=Routes(5, OLD, NEW, 500),
                  generation=5, generation_target=OLD, generation_canary=NEW, generation_cut=500, step=at,
                  watch=watch, pause_code=code, paused_for=paused)  # fmt: skip
    command = decide(there)
    assert command.do == do
    if do == "fail":
        assert (command.code, command.why.split(". ")[0]) == (
            "unmeasured", "Nobody decided within a day while nothing could be measured",
        )  # fmt: skip


@pytest.mark.parametrize("status", ["progressing", "paused"])
@pytest.mark.parametrize("step", [2, 3, 4, 5])
def test_a_process_that_ends_again_and_again_ends_the_rollout(status: str, step: int) -> None:
    there = start(TWO, status=status, loaded="ready", target_recorded="ready", step=step)
    assert decide(replace(there, crashes=MOST_CRASHES - 1)).do != "fail"
    command = decide(replace(there, crashes=MOST_CRASHES, loaded="loading", ended="It was ended by SIGKILL."))
    assert (command.do, command.code) == ("fail", "crashes")
    assert command.why.endswith("between. It was ended by SIGKILL.")
    assert decide(replace(there, crashes=MOST_CRASHES, loaded="loading", target_recorded="loading")).do != "fail"


@pytest.mark.parametrize("status", ["progressing", "paused"])
@pytest.mark.parametrize("recorded", ["draining", "removed"])
def test_a_revision_that_was_taken_away_ends_the_rollout(status: str, recorded: str) -> None:
    command = decide(start(TWO, status=status, loaded="ready", target_recorded=recorded, step=2))
    assert (command.do, command.why) == ("fail", "the revision was taken away")


def test_no_traffic_at_all_ends_with_a_person() -> None:
    waits = {"do": "pause", "until": {"requests": 5}, "give_up": 60}
    plan = plans.parse({"steps": [{"do": "weight", "weight": 100}, waits, SWITCH]})
    world = World(start(plan))
    for _ in range(60):
        command = world.step()
    assert world.snapshot.status == "paused"
    assert (command.do, command.why) == ("wait", "paused")
    assert world.shares() == [100]


def test_what_an_approval_forbids_keeps_the_weight_before_it() -> None:
    at = next_move(TWO, 2)
    there = start(TWO, status="progressing", loaded="ready", target_recorded="ready", routes=Routes(5, OLD, NEW, 500),
                  generation=5, generation_target=OLD, generation_canary=NEW, generation_cut=500, step=at,
                  held="Approved only up to 10 %")  # fmt: skip
    assert decide(there) == Command("wait", why="Approved only up to 10 %", wait=3.0, code="held")
    lost = World(replace(there, routes=Routes()))
    assert [lost.step().do for _ in range(2)] == ["route", "wait"]
    assert lost.shares() == [500]


def test_what_an_approval_asks_for_and_does_not_come_is_a_persons_to_judge_after_a_day() -> None:
    there = start(TWO, status="progressing", loaded="ready", target_recorded="ready", routes=Routes(5, OLD, NEW, 500),
                  generation=5, generation_target=OLD, generation_canary=NEW, generation_cut=500,
                  step=next_move(TWO, 2), held="Approved only up to 10 %", deadline_passed=True)  # fmt: skip
    assert decide(replace(there, held_for=86_400.0)).do == "wait"
    command = decide(replace(there, held_for=86_401.0))
    assert (command.do, command.code, command.why) == ("pause", "condition", "Approved only up to 10 %")
    assert decide(replace(there, routes=Routes())).do == "route", "it is not late: it waits"


class TestStoriesOfOthers:
    """What Argo Rollouts shipped and mended; each would be red here (see also test_rollouts)."""

    def there(self, **changes: Any) -> Snapshot:
        return start(TWO, **{"status": "progressing", "loaded": "ready", "target_recorded": "ready", "step": 3,
                             "routes": Routes(5, OLD, NEW, 500), "generation": 5, "generation_target": OLD,
                             "generation_canary": NEW, "generation_cut": 500, **changes})  # fmt: skip

    def test_no_weight_is_raised_on_a_degraded_revision_after_a_restart(self) -> None:
        """argo-rollouts 1665."""
        for state in ("absent", "loading"):
            command = decide(self.there(loaded=state, step=4, watch=Watch(9999, "passing")))
            assert command.do in ("load", "wait")
        assert decide(self.there(loaded="failed", step=4, watch=Watch(9999, "passing"))).do == "fail"

    def test_stable_is_in_every_table_until_the_switch_was_confirmed(self) -> None:
        """argo-rollouts 1292 and 2050: the old arm lost its processes while it had traffic."""
        world = World(start(CANARY))
        settle(world)
        assert all(OLD in (table.stable, table.canary) for table in world.routed[:-1])

    def test_traffic_never_goes_to_what_is_being_taken_away(self) -> None:
        """argo-rollouts 4390: an abort routes back, sees it, and only then is it over."""
        world = World(self.there(status="aborting"))
        assert [world.step().do for _ in range(5)] == ["take_back_generation", "route_back", "probe", "settle", "done"]

    def test_an_abort_is_not_over_while_the_router_holds_our_split(self) -> None:
        split = self.there(status="aborting", generation_target=OLD, routes=Routes(5, OLD, NEW, 500))
        assert decide(split).do == "take_back_generation"

    def test_a_table_on_its_way_from_before_is_outnumbered(self) -> None:
        """argo-rollouts 1372: what an earlier rollout sent must not come into force later."""
        world = World(self.there(routes=Routes(9, OLD, "other", 2500)))
        assert [world.step().do for _ in range(2)] == ["take_generation", "route"]
        assert world.routed == [Routes(10, OLD, NEW, 500)]


weights = st.lists(st.integers(1, WHOLE - 1), min_size=0, max_size=4, unique=True).map(sorted)
waits: st.SearchStrategy[list[dict[str, Any]]] = st.sampled_from(
    [
        [],
        [{"do": "pause", "until": {"seconds": 5}}],
        [{"do": "pause", "until": {"person": True}}],
        [{"do": "pause", "until": {"requests": 10}, "give_up": 10}],
        [{**JUDGE, "give_up": 10}],
        [{"do": "pause", "until": {"seconds": 2}}, {**JUDGE, "give_up": 10}],
    ]
)


@st.composite
def any_plan(draw: st.DrawFn) -> Steps:
    steps: list[dict[str, Any]] = []
    for weight in draw(weights):
        between: list[dict[str, Any]] = draw(waits)
        steps += [{"do": "weight", "weight": weight}, *between]
    hold = draw(st.sampled_from([[], [{"do": "hold", "seconds": 4}]]))
    return plans.parse({"steps": [*steps, SWITCH, *hold]})


happenings = st.sampled_from(
    ["", "", "", "", "crash", "twice", "lose table", "lose all", "slow", "foreign table", "lose revision",
     "revision fails", "pause", "resume", "hurry", "abort", "passing", "failing", "inconclusive", "error", "unread",
     "mismatch", "held", "free", "late", "crashes"]
)  # fmt: skip


def happen(world: World, what: str) -> None:
    s = world.snapshot
    open_ = s.status in ("progressing", "paused")
    steer: dict[str, dict[str, Any]] = {
        "lose table": {"routes": Routes()},
        "foreign table": {"routes": Routes(s.routes.generation + 3, OLD)},
        "lose revision": {"loaded": "absent"},
        "lose all": {"loaded": "absent", "routes": Routes()},
        "slow": {"away_for": s.away_for + GRACE},
        "revision fails": {"loaded": "failed"} if s.status != "pending" else {},
        "pause": {"status": "paused"} if s.status == "progressing" else {},
        "resume": {"status": "progressing"} if s.status == "paused" else {},
        "abort": {"status": "aborting"} if open_ else {},
        "held": {"held": "not yet"} if (share_at(s.plan, s.step) or 0) > (share_at(s.plan, s.step - 1) or 0) else {},
        "free": {"held": ""},
        "late": {"deadline_passed": True},
        "crashes": {"crashes": s.crashes + 1},
        "unread": {"watch": replace(s.watch, unread=GRACE + 1)},
        "mismatch": {"watch": replace(s.watch, mismatch="no chance")},
    }
    waiting = open_ and s.step < len(s.plan) and isinstance(s.plan[s.step], Pause | Analyse | Hold)
    if what == "hurry" and waiting:
        steer[what] = {"status": "progressing", "step": next_move(s.plan, s.step), "at_step": 0.0}
    if what in ("passing", "failing", "inconclusive", "error"):
        steer[what] = {"watch": Watch(s.watch.requests, what, "so it is")}  # type: ignore[arg-type]
    world.snapshot = replace(s, **steer.get(what, {}))


@settings(max_examples=1000)
@given(any_plan(), st.lists(happenings, max_size=80))
def test_in_any_world(plan: Steps, events: list[str]) -> None:
    world, alone = World(start(plan)), 0
    for what in events:
        happen(world, what)
        before = world.snapshot
        command = world.look()
        assert decide(before) == command
        if what == "crash":
            continue
        world.apply(command)
        if what == "twice" and command.do not in ("wait", "take_generation", "take_back_generation"):
            once = world.snapshot
            world.apply(command)
            assert world.snapshot == once
        alone = alone + 1 if world.stranded() else 0
        assert alone < 4, "callers have no route, and the champion could answer them"
        if world.snapshot.status != "paused" or before.status != "paused":
            continue
        assert world.snapshot.taken in (before.taken, Aim(OLD))
    if world.snapshot.loaded == "failed" and world.snapshot.status == "aborting":
        world.snapshot = replace(world.snapshot, loaded="absent")
    settle(world)
    event(world.snapshot.status)
    numbers = [4, *(table.generation for table in world.routed)]
    assert numbers == sorted(numbers)
    assert world.snapshot.status in ("completed", "aborted")


@given(any_plan())
def test_undisturbed_every_weight_of_the_plan_is_seen_once_and_in_order(plan: Steps) -> None:
    world = World(start(plan))
    settle(world)
    wanted = sorted({share for at in range(len(plan)) if (share := share_at(plan, at))})
    assert world.shares() == wanted
    assert world.snapshot.status == "completed"


@given(any_plan(), st.integers(0, 12))
def test_where_nothing_served_all_traffic_goes_at_once(plan: Steps, step: int) -> None:
    first = start(plan, former=None, routes=Routes())
    assert aim_at(first, step) in (None, Aim(NEW))


MEASURES = ["errors", "memory", "p95"]


@st.composite
def guarded(draw: st.DrawFn) -> tuple[Steps, str]:
    """A plan whose judgements each name some measures, and one of those."""
    steps: list[dict[str, Any]] = []
    for weight in draw(weights.filter(bool)):
        between = draw(st.lists(st.lists(st.sampled_from(MEASURES), min_size=1, unique=True), max_size=3))
        judged = [[{"measure": one, "limit": 1.5 if one != "errors" else 0.1} for one in named] for named in between]
        pause = draw(waits.filter(lambda steps: not steps or "guards" not in steps[0]))
        steps += [{"do": "weight", "weight": weight}, *pause]
        steps += [{"do": "analyse", "guards": guards, "give_up": 10} for guards in judged]
    plan = plans.parse({"steps": [*steps, SWITCH]})
    named = sorted({guard.measure for step in plan if isinstance(step, Analyse) for guard in step.guards})
    assume(named)
    return plan, draw(st.sampled_from(named))


@given(guarded())
def test_a_version_beyond_a_limit_that_its_plan_guards_never_gets_all_of_the_traffic(case: tuple[Steps, str]) -> None:
    """What a judgement sees are the guards that watch at its step; all others keep their limits."""
    plan, fault = case
    world = World(start(plan))
    for _ in range(200):
        s = world.snapshot
        seen = {guard.measure for guard in guards_at(plan, s.step)}
        answer: Answer | None = ("failing" if fault in seen else "passing") if seen else None
        world.snapshot = replace(s, watch=Watch(10**9, answer, "so it is"))
        if world.step().do == "done":
            break
        if world.snapshot.status == "paused":
            world.snapshot = replace(world.snapshot, status="progressing", step=s.step + 1, at_step=0.0)
    assert world.snapshot.status == "aborted"
    assert WHOLE not in world.shares()


@pytest.mark.parametrize("status", ["progressing", "paused"])
@pytest.mark.parametrize("step", range(2, len(TWO)))
def test_a_version_that_is_not_ready_is_told_of_and_taken_back(status: str, step: int) -> None:
    """In every step, those that move nothing too; while it is away nothing else is decided."""
    lost = start(TWO, status=status, loaded="loading", target_recorded="ready", step=step, failure="It starts.",
                 routes=Routes(5, OLD, NEW, 500), generation=5, generation_target=OLD, generation_canary=NEW,
                 generation_cut=500)  # fmt: skip
    assert decide(lost).code == "loading"
    told = decide(replace(lost, away_for=GRACE + 1))
    assert (told.do, told.code, told.wait) == ("wait", "lost", 3.0)
    assert told.why.endswith("It starts.")
    over = decide(replace(lost, away_for=MOST_AWAY + 1))
    assert (over.do, over.code) == ("fail", "lost")
    assert decide(replace(lost, loaded="ready", away_for=MOST_AWAY + 1)).do != "fail"
