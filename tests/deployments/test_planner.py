"""The planner against a small model of the runtime: it always ends, and never does harm on the way."""

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.engine.planner import Command, Probed, Routes, Snapshot, decide

NEW, OLD, UNSEEN = "new", "old", Probed(right=False)
START = Snapshot(
    status="pending",
    target=NEW,
    target_recorded="requested",
    former=OLD,
    loaded="absent",
    failure="",
    digest_matches=True,
    routes=Routes(4, OLD),
    generation=None,
    generation_target=None,
    deadline_passed=False,
)


@dataclass
class World:
    """The rows and the runtime, and what a command does to both. `routed` is every table ever in force."""

    snapshot: Snapshot
    routed: list[Routes] = field(default_factory=list)

    def apply(self, command: Command) -> None:
        s = self.snapshot
        next_generation = max(s.generation or 0, s.routes.generation, command.at_least) + 1
        changes: dict[str, dict[str, object]] = {
            "begin": {"status": "progressing"},
            "load": {"loaded": "loading", "target_recorded": "loading"},
            "note_loading": {"target_recorded": "loading"},
            "note_warm": {"target_recorded": "ready"},
            "take_generation": {"generation": next_generation, "generation_target": NEW, "probed": UNSEEN},
            "take_back_generation": {"generation": next_generation, "generation_target": OLD, "probed": UNSEEN},
            "probe": {"probed": Probed()},
            "complete": {"status": "completed"},
            "fail": {"status": "aborting"},
            "settle": {"status": "aborted"},
            "unroute": {"routes": Routes()},
        }
        if command.do in ("route", "route_back"):
            assert s.generation is not None
            if s.generation >= s.routes.generation:
                changes[command.do] = {"routes": Routes(s.generation, s.generation_target or "")}
                self.routed.append(Routes(s.generation, s.generation_target or ""))
        self.snapshot = replace(s, **changes.get(command.do, {}))  # type: ignore[arg-type]


def run(world: World, *, steps: int = 60, loads: bool = True) -> list[str]:
    done: list[str] = []
    for _ in range(steps):
        command = decide(world.snapshot)
        done.append(command.do)
        if command.do == "done":
            return done
        world.apply(command)
        if command.do in ("load", "wait") and loads:
            world.snapshot = replace(world.snapshot, loaded="ready")
    return done


def test_the_undisturbed_way() -> None:
    world = World(START)
    assert run(world) == ["begin", "load", "note_warm", "take_generation", "route", "probe", "complete", "done"]
    assert world.routed == [Routes(5, NEW)]


def test_a_revision_that_fails_to_load_never_takes_traffic() -> None:
    world = World(replace(START, status="progressing", loaded="failed", failure="bad bytes"))
    assert decide(world.snapshot) == Command("fail", why="bad bytes")
    assert run(world)[-1] == "done"
    assert world.routed == []
    assert world.snapshot.status == "aborted"


def test_other_bytes_than_approved_never_take_traffic() -> None:
    world = World(replace(START, status="progressing", loaded="ready", digest_matches=False))
    run(world)
    assert world.routed == []


def test_an_abort_outnumbers_a_table_that_may_still_be_on_its_way() -> None:
    world = World(replace(START, status="aborting", loaded="ready", generation=5, generation_target=NEW))
    assert run(world) == ["take_back_generation", "route_back", "probe", "settle", "done"]
    assert world.routed == [Routes(6, OLD)]


def test_a_runtime_that_holds_a_newer_table_is_outnumbered_not_fought() -> None:
    world = World(replace(START, status="progressing", loaded="ready", target_recorded="ready", generation=5,
                          generation_target=NEW, routes=Routes(9, OLD)))  # fmt: skip
    assert run(world) == ["take_generation", "route", "probe", "complete", "done"]
    assert world.routed == [Routes(10, NEW)]


def test_the_first_version_has_nothing_to_go_back_to() -> None:
    world = World(replace(START, former=None, routes=Routes(), status="aborting", generation=1, generation_target=NEW))
    assert run(world) == ["settle", "done"]


def test_an_abort_of_the_first_version_leaves_no_table() -> None:
    there = replace(START, former=None, status="aborting", generation=3, generation_target=NEW, routes=Routes(3, NEW))
    assert decide(there) == Command("unroute", at_least=3)
    assert decide(replace(there, routes=Routes(7, NEW))) == Command("unroute", at_least=7)
    assert run(World(there)) == ["unroute", "settle", "done"]


snapshots = st.builds(
    Snapshot,
    status=st.sampled_from(["pending", "progressing", "aborting", "completed", "aborted"]),
    target=st.just(NEW),
    target_recorded=st.sampled_from(["requested", "loading", "ready", "failed"]),
    former=st.sampled_from([OLD, None]),
    loaded=st.sampled_from(["absent", "loading", "ready", "failed"]),
    failure=st.just(""),
    digest_matches=st.booleans(),
    routes=st.builds(Routes, st.integers(0, 9), st.sampled_from([OLD, NEW, ""])),
    generation=st.none() | st.integers(1, 9),
    generation_target=st.sampled_from([OLD, NEW]),
    deadline_passed=st.booleans(),
)


@given(snapshots)
def test_from_anywhere_it_ends(snapshot: Snapshot) -> None:
    world = World(snapshot)
    assert run(world)[-1] == "done"
    assert world.snapshot.status in ("completed", "aborted")


@given(snapshots)
def test_the_same_snapshot_gives_the_same_command(snapshot: Snapshot) -> None:
    assert decide(snapshot) == decide(snapshot)


@given(snapshots, st.data())
def test_a_command_done_twice_equals_once(snapshot: Snapshot, data: st.DataObject) -> None:
    once, twice = World(snapshot), World(snapshot)
    command = decide(snapshot)
    once.apply(command)
    twice.apply(command)
    if command.do not in ("take_generation", "take_back_generation"):
        twice.apply(command)
    assert once.snapshot == twice.snapshot


@given(snapshots)
def test_generations_in_force_only_grow(snapshot: Snapshot) -> None:
    world = World(snapshot)
    run(world)
    numbers = [snapshot.routes.generation] + [r.generation for r in world.routed]
    assert numbers == sorted(numbers)


@given(snapshots)
def test_a_target_that_is_not_ready_is_never_routed(snapshot: Snapshot) -> None:
    world = World(replace(snapshot, loaded="failed"))
    already = world.snapshot.routes
    run(world, loads=False)
    assert all(routes.stable != NEW for routes in world.routed if routes != already)


@pytest.mark.parametrize("status", ["completed", "aborted"])
def test_what_is_over_is_left_alone(status: str) -> None:
    assert decide(replace(START, status=status)).do == "done"
