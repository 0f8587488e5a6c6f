"""What a rollout's planner is given and what it answers: plain data, no rule. Pure."""

from dataclasses import dataclass, field
from typing import Literal

from deployments.engine.steps import Load, Step, Steps, Switch, Warm

Loaded = Literal["absent", "loading", "ready", "failed"]
Answer = Literal["passing", "failing", "inconclusive", "error"]


@dataclass(frozen=True, slots=True)
class Aim:
    """Where a route table sends the traffic, without its number: `cut` basis points to `canary`, the rest to stable."""

    stable: str
    canary: str | None = None
    cut: int = 0


@dataclass(frozen=True, slots=True)
class Routes:
    """The route table in force as read back from the runtime; generation 0 when it holds none, `coming` where it has
    one that it has not taken up yet."""

    generation: int = 0
    stable: str = ""
    canary: str | None = None
    cut: int = 0
    coming: bool = field(default=False, compare=False)

    @property
    def missing(self) -> bool:
        """Whether there is none at all, neither in force nor on its way up."""
        return self.generation == 0 and not self.coming

    @property
    def aim(self) -> Aim:
        return Aim(self.stable, self.canary, self.cut)


@dataclass(frozen=True, slots=True)
class Watch:
    """What the measures say since the present share came in force. `requests` are the new revision's, `answer` what all
    guards say together (None where none watch), `unread` the seconds since the measures were last to be had, and
    `reason` why they are not; `few` says that one or two callers may be behind what goes wrong."""

    requests: int = 0
    answer: Answer | None = None
    why: str = ""
    unread: float = 0.0
    mismatch: str = ""
    reason: str = ""
    few: str = ""

    @property
    def away(self) -> str:
        """What a person is told when they stay away."""
        return f"The measures of both versions cannot be read. {self.reason}".strip()


@dataclass(frozen=True, slots=True)
class Shadowing:
    """Whether the new revision shadows what serves, as the runtime says, and whether its report is on record as
    finished. `unable` says why, where the runtime has no shadows, `unfit` says why this version must not be one;
    `compared` predictions have two answers. `unread` are the seconds since the runtime could be asked last, and
    `reason` why it cannot: then `running` is what our own record says."""

    running: bool = False
    ended: bool = False
    compared: int = 0
    unable: str = ""
    unfit: str = ""
    unread: float = 0.0
    reason: str = ""

    @property
    def away(self) -> str:
        """What a person is told when it stays away."""
        return f"What the shadow shows cannot be read. {self.reason}".strip()


@dataclass(frozen=True, slots=True)
class Trial:
    """What a step of this rollout has shown that gathers ground truth. `running` from its beginning until its report is
    on record as finished, `step` its place; `unable` says why, where nothing can be read.

    `units` and `labels` are those with ground truth, of the version that has fewer; `clear` says in words which metric
    has an answer; `nameless` is a sentence when nobody names units, `mismatch` when the units cannot have been split by
    the weights, `labels_apart` when ground truth reaches the versions at different rates. `beyond` says which metric
    surely breaks its limit, `within` that each surely keeps its own, `unjudged` which could not be judged. `unread` are
    the seconds since the record of what both versions answered could last be read, and `reason` why it cannot: all else
    is as it was then.
    """

    running: bool = False
    unable: str = ""
    step: int = -1
    units: int = 0
    labels: int = 0
    clear: str = ""
    nameless: str = ""
    mismatch: str = ""
    labels_apart: str = ""
    beyond: str = ""
    within: bool = False
    unjudged: str = ""
    unread: float = 0.0
    reason: str = ""

    @property
    def away(self) -> str:
        """What a person is told when it stays away."""
        return self.unjudged or f"The record of what both versions answered cannot be read. {self.reason}".strip()


@dataclass(frozen=True, slots=True)
class Probed:
    """What the last probe under the present table said of who answers, or that a person took it as it is.

    `why` is what was wrong, `doubted` the seconds for which it has been.
    """

    right: bool = True
    why: str = ""
    doubted: float = 0.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Rollout row and observed world together. Ids are revision ids; `generation` is the newest this rollout has taken
    and `generation_target`, `generation_canary` and `generation_cut` where its table sends the traffic.

    `at_step` are the seconds since the step began, `paused_for` those of the present standstill, `held` is why the step
    may not begin yet and `held_for` for how many seconds, none where time alone has to pass. `crashes` is how often the
    new revision's process has ended in a row and `ended` how it did last; `away_for` are the seconds for which it is
    `lost`. `former_loaded` is asked for only while no table is there.
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
    held_for: float = 0.0
    watch: Watch = Watch()
    shadow: Shadowing = Shadowing()
    test: Trial = Trial()
    probed: Probed = Probed()
    pause_code: str = ""
    paused_for: float = 0.0
    crashes: int = 0
    ended: str = ""
    former_loaded: Loaded = "absent"
    away_for: float = 0.0

    @property
    def lost(self) -> bool:
        """Whether the new revision was warm once and is not any more, the time to load it being over."""
        warmed = self.target_recorded == "ready" and not isinstance(self.current, Load | Warm)
        return warmed and self.loaded in ("absent", "loading")

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
        "test", "end_test", "probe", "go_on", "unroute",
    ]  # fmt: skip
    why: str = ""
    at_least: int = 0
    wait: float = 0.0
    aim: Aim | None = None
    step: int = -1
    code: str = ""
