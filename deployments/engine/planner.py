"""What to do next for a rollout: a pure function from what was observed to one command.

The same snapshot always gives the same command, carrying a command out twice equals once, and a step counts as done
only when the world has been seen to be so.
"""

from dataclasses import dataclass
from typing import Literal

Loaded = Literal["absent", "loading", "ready", "failed"]


@dataclass(frozen=True, slots=True)
class Routes:
    """The route table in force as read back from the runtime; generation 0 when it holds none."""

    generation: int = 0
    stable: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Rollout row and observed world together. Ids are revision ids; `generation` is the newest this rollout has taken
    and `generation_target` where its table sends the traffic."""

    status: str
    target: str
    target_recorded: str
    former: str | None
    loaded: Loaded
    failure: str
    digest_matches: bool
    routes: Routes
    generation: int | None
    generation_target: str | None
    deadline_passed: bool


@dataclass(frozen=True, slots=True)
class Command:
    """`do` names the act; `why` is for people, `at_least` the generation that has been seen, `wait` seconds."""

    do: Literal[
        "begin", "load", "note_loading", "note_warm", "take_generation", "route", "complete", "fail",
        "take_back_generation", "route_back", "settle", "wait", "done",
    ]  # fmt: skip
    why: str = ""
    at_least: int = 0
    wait: float = 0.0


def decide(snapshot: Snapshot) -> Command:
    """The next command. Ends in "done" once the rollout is in a terminal state."""
    if snapshot.status == "pending":
        return Command("begin")
    if snapshot.status == "progressing":
        return _forward(snapshot)
    if snapshot.status == "aborting":
        return _back(snapshot)
    if snapshot.status == "paused":
        return Command("wait", why="paused", wait=30)
    return Command("done")


def _forward(s: Snapshot) -> Command:
    if s.generation is not None and s.routes == Routes(s.generation, s.target):
        return Command("complete")
    if s.loaded == "failed":
        return Command("fail", why=s.failure or "the revision failed to load")
    if s.deadline_passed:
        return Command("fail", why="it took longer than the plan allows")
    if not s.digest_matches:
        return Command("fail", why="the runtime loaded other bytes than were approved")
    return _load(s) or _switch(s, s.target, "take_generation", "route")


def _load(s: Snapshot) -> Command | None:
    """What is left until the target is seen warm and recorded so; None when it is."""
    if s.loaded == "absent":
        return Command("load")
    if s.loaded == "loading":
        return Command("note_loading") if s.target_recorded == "requested" else Command("wait", why="loading", wait=0.2)
    return None if s.target_recorded == "ready" else Command("note_warm")


def _switch(
    s: Snapshot,
    wanted: str,
    take: Literal["take_generation", "take_back_generation"],
    send: Literal["route", "route_back"],
) -> Command:
    """Take a generation above everything seen, before sending the table; send again until it is seen in force."""
    if s.generation is None or s.generation_target != wanted:
        return Command(take, at_least=s.routes.generation)
    overtaken = s.routes.generation > s.generation
    under_our_number = s.routes.generation == s.generation and s.routes.stable != wanted
    if overtaken or under_our_number:
        return Command(take, at_least=s.routes.generation)
    return Command(send)


def _back(s: Snapshot) -> Command:
    """Undo: a table of ours may still be on its way, so a newer one must be seen in force before this is over."""
    if s.former is None or s.generation is None:
        return Command("settle")
    if s.generation_target == s.former and s.routes == Routes(s.generation, s.former):
        return Command("settle")
    return _switch(s, s.former, "take_back_generation", "route_back")
