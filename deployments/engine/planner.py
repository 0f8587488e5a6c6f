"""What to do next for a rollout: a pure function from what was observed to one command.

The same snapshot always gives the same command, carrying a command out twice equals once, and a step counts as done
only when the world has been seen to be so. The share of the new revision rises only after the share before it was read
back from the router, and whatever goes wrong leads back to the former champion under a newer generation.
"""

from dataclasses import dataclass
from typing import Literal

from deployments.engine.steps import (
    MOVES,
    Analyse,
    Hold,
    Load,
    Pause,
    Shadow,
    Step,
    Steps,
    Switch,
    Warm,
    share_at,
    stage_of,
)

Loaded = Literal["absent", "loading", "ready", "failed"]
Answer = Literal["passing", "failing", "inconclusive", "error"]

LOOK = 3.0
"""Seconds between two looks while a step waits: a fault is seen within about as long."""
MOST_CRASHES = 3
"""Ends of the new version's process, without a minute of quiet between, after which the rollout takes itself back."""
GRACE = 60.0
"""Seconds the measures may stay away before a person is asked."""


@dataclass(frozen=True, slots=True)
class Aim:
    """Where a route table sends the traffic, without its number: `cut` basis points to `canary`, the rest to stable."""

    stable: str
    canary: str | None = None
    cut: int = 0


@dataclass(frozen=True, slots=True)
class Routes:
    """The route table in force as read back from the runtime; generation 0 when it holds none."""

    generation: int = 0
    stable: str = ""
    canary: str | None = None
    cut: int = 0

    @property
    def aim(self) -> Aim:
        return Aim(self.stable, self.canary, self.cut)


@dataclass(frozen=True, slots=True)
class Watch:
    """What the measures say since the present share came in force. `requests` are the new revision's, `answer` what all
    guards say together (None where none watch), `unread` the seconds since the measures were last to be had."""

    requests: int = 0
    answer: Answer | None = None
    why: str = ""
    unread: float = 0.0
    mismatch: str = ""


@dataclass(frozen=True, slots=True)
class Shadowing:
    """Whether the new revision shadows what serves, as the runtime says, and whether its report is on record as
    finished. `possible` is False where the runtime has no shadows; `compared` predictions have two answers."""

    running: bool = False
    ended: bool = False
    compared: int = 0
    possible: bool = True


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Rollout row and observed world together. Ids are revision ids; `generation` is the newest this rollout has taken
    and `generation_target`, `generation_canary` and `generation_cut` where its table sends the traffic.

    `at_step` are the seconds since the step began, `held` is why the step may not begin yet, `crashes` how often the
    new revision's process has ended in a row and `ended` how it did last.
    """

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
    generation_canary: str | None = None
    generation_cut: int = 0
    plan: Steps = (Load(), Warm(), Switch())
    step: int = 2
    at_step: float = 0.0
    held: str = ""
    watch: Watch = Watch()
    shadow: Shadowing = Shadowing()
    crashes: int = 0
    ended: str = ""

    @property
    def taken(self) -> Aim | None:
        """Where the newest table of this rollout sends the traffic."""
        if self.generation is None or self.generation_target is None:
            return None
        return Aim(self.generation_target, self.generation_canary, self.generation_cut)

    @property
    def current(self) -> Step | None:
        return self.plan[self.step] if self.step < len(self.plan) else None

    def in_force(self, aim: Aim) -> bool:
        """Whether our table for this aim was read back from the router."""
        return self.generation is not None and self.routes == Routes(
            self.generation, aim.stable, aim.canary, aim.cut
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Command:
    """`do` names the act; `why` is for people, `code` for programs; `at_least` the generation that has been seen, `aim`
    the table to take, `step` the step it was decided for, `wait` seconds."""

    do: Literal[
        "begin", "load", "note_loading", "note_warm", "take_generation", "route", "next", "pause", "complete", "fail",
        "take_back_generation", "route_back", "settle", "wait", "done", "shadow", "end_shadow",
    ]  # fmt: skip
    why: str = ""
    at_least: int = 0
    wait: float = 0.0
    aim: Aim | None = None
    step: int = -1
    code: str = ""


def decide(snapshot: Snapshot) -> Command:
    """The next command. Ends in "done" once the rollout is in a terminal state."""
    match snapshot.status:
        case "pending":
            return Command("begin")
        case "progressing":
            return _broken(snapshot) or _forward(snapshot)
        case "paused":
            return _broken(snapshot) or _stay(snapshot)
        case "aborting":
            return _back(snapshot)
    return Command("done")


def aim_at(s: Snapshot, step: int) -> Aim | None:
    """Where the plan wants the traffic while a step lasts; None before it moves any."""
    share = share_at(s.plan, step)
    if share is None:
        return None
    moved = s.plan[stage_of(s.plan, step) or 0]
    if isinstance(moved, Switch) or s.former is None:
        return Aim(s.target)
    return Aim(s.former, s.target, share)


def _broken(s: Snapshot) -> Command | None:
    """What ends a rollout at any step, also at a standstill."""
    if s.loaded == "failed":
        return Command("fail", why=s.failure or "the revision failed to load")
    # One that was never ready fails by itself at its third try, with a code that says so.
    if s.crashes >= MOST_CRASHES and s.target_recorded == "ready":
        why = f"Its process ended {s.crashes} times without a minute of quiet between. {s.ended}".strip()
        return Command("fail", why=why, code="crashes")
    if not s.digest_matches:
        return Command("fail", why="the runtime loaded other bytes than were approved")
    if s.watch.answer == "failing":
        return Command("fail", why=s.watch.why, code="guard")
    return None


def _forward(s: Snapshot) -> Command:
    if s.shadow.running and (s.shadow.ended or not isinstance(s.current, Shadow)):
        return Command("end_shadow", step=s.step)
    aim = aim_at(s, s.step - 1 if s.held else s.step)
    warm = s.loaded == "ready" and s.target_recorded == "ready"
    there = warm and (aim is None or s.in_force(aim))
    if s.deadline_passed and not there and isinstance(s.current, (Load, Warm, *MOVES)):
        return Command("fail", why="it took longer than the plan allows")
    if not warm:
        return _load(s)
    if aim is not None and not there:
        return _switch(s, aim, "take_generation", "route")
    return Command("wait", why=s.held, wait=LOOK, code="held") if s.held else _turn(s)


def _load(s: Snapshot) -> Command:
    """What is left until the target is seen warm and recorded so."""
    if s.loaded == "absent":
        return Command("load")
    if s.loaded == "loading":
        starting = Command("wait", why=s.failure or "It is being loaded.", wait=0.2, code="loading")
        return Command("note_loading") if s.target_recorded == "requested" else starting
    return Command("note_warm")


def _turn(s: Snapshot) -> Command:
    """The traffic is where this step wants it: go on, wait, or ask a person."""
    match s.current:
        case Shadow():
            return _shadow(s, s.current)
        case Pause(person=True):
            return Command("pause", code="person", why="The plan waits for a person here.", step=s.step)
        case Pause(seconds=seconds) | Hold(seconds) if seconds:
            return _until(s, seconds)
        case Pause(requests=requests, give_up=give_up):
            why = f"Only {s.watch.requests:,} of {requests:,} requests came to the new version."
            return _next(s) if s.watch.requests >= requests else _patient(s, give_up, "too_few", why)
        case Analyse(give_up=give_up):
            return _judged(s, give_up)
    return _next(s)


def _shadow(s: Snapshot, step: Shadow) -> Command:
    """Begin it, wait until enough was compared, end it, go on."""
    if s.shadow.ended:
        return _next(s)
    if not s.shadow.possible:
        return Command("fail", why="What serves this environment has no shadows. Choose a plan without one.")
    if not s.shadow.running:
        return Command("shadow", step=s.step)
    if (s.shadow.compared >= step.predictions) if step.predictions else (s.at_step >= step.seconds):
        return Command("end_shadow", step=s.step)
    if not step.predictions:
        return Command("wait", wait=max(0.1, min(step.seconds - s.at_step, LOOK)))
    why = f"Only {s.shadow.compared:,} of {step.predictions:,} predictions were compared."
    return _patient(s, step.give_up, "too_few", why)


def _judged(s: Snapshot, give_up: int) -> Command:
    """A judgement: passing goes on, what cannot be judged waits, and a person is asked when waiting does not help."""
    if s.watch.mismatch:
        return Command("pause", code="mismatch", why=s.watch.mismatch, step=s.step)
    if s.watch.answer == "passing" and not s.watch.unread:
        return _next(s)
    if s.watch.unread > GRACE or (s.watch.answer == "error" and s.at_step > GRACE):
        why = s.watch.why if s.watch.answer == "error" else "The measures of both versions cannot be read."
        return Command("pause", code="unmeasured", why=why, step=s.step)
    return _patient(s, give_up, "inconclusive", s.watch.why or "There is not enough data for an answer.")


def _patient(s: Snapshot, give_up: int, code: str, why: str) -> Command:
    if s.at_step < give_up:
        return Command("wait", why=why, wait=LOOK)
    if s.watch.unread > GRACE:
        return Command("pause", code="unmeasured", why="The measures of both versions cannot be read.", step=s.step)
    return Command("pause", code=code, why=why, step=s.step)


def _until(s: Snapshot, seconds: int) -> Command:
    left = seconds - s.at_step
    return _next(s) if left <= 0 else Command("wait", wait=max(0.1, min(left, LOOK)))


def _next(s: Snapshot) -> Command:
    return Command("next", step=s.step) if s.step + 1 < len(s.plan) else Command("complete")


def _switch(
    s: Snapshot,
    aim: Aim,
    take: Literal["take_generation", "take_back_generation"],
    send: Literal["route", "route_back"],
) -> Command:
    """Take a generation above everything seen, before sending the table; send again until it is seen in force."""
    overtaken = s.generation is not None and s.routes.generation > s.generation
    under_our_number = s.routes.generation == s.generation and s.routes.aim != aim
    if s.taken != aim or overtaken or under_our_number:
        return Command(take, at_least=s.routes.generation, aim=aim, step=s.step)
    return Command(send)


def _stay(s: Snapshot) -> Command:
    """At a standstill the traffic stays where this rollout put it last, also when the runtime has lost it."""
    if s.taken is not None and not s.in_force(s.taken) and s.loaded == "ready":
        return _switch(s, s.taken, "take_generation", "route")
    return Command("wait", why="paused", wait=LOOK)


def _back(s: Snapshot) -> Command:
    """Undo: a table of ours may still be on its way, so a newer one must be seen in force before this is over."""
    if s.shadow.running:
        return Command("end_shadow", step=s.step)
    if s.former is None or s.generation is None:
        return Command("settle")
    home = Aim(s.former)
    if s.taken == home and s.in_force(home):
        return Command("settle")
    return _switch(s, home, "take_back_generation", "route_back")
