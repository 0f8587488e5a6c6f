"""What to do next for a rollout: a pure function from what was observed to one command.

The same snapshot always gives the same command, carrying a command out twice equals once, and a step counts as done
only when the world has been seen to be so. The share of the new revision rises only after the share before it was read
back from the router, and whatever goes wrong leads back to the former champion under a newer generation.
"""

from typing import Literal

from deployments.engine.snapshot import Aim, Answer, Command, Loaded, Probed, Routes, Shadowing, Snapshot, Trial, Watch
from deployments.engine.steps import (
    MOVES,
    AbTest,
    Analyse,
    Hold,
    Load,
    Pause,
    Shadow,
    Switch,
    Warm,
    share_at,
    stage_of,
)

__all__ = [
    "BLIND",
    "GRACE",
    "LOOK",
    "Aim",
    "Answer",
    "Command",
    "Loaded",
    "Probed",
    "Routes",
    "Shadowing",
    "Snapshot",
    "Trial",
    "Watch",
    "aim_at",
    "decide",
]

LOOK = 3.0
"""Seconds between two looks while a step waits: a fault is seen within about as long."""
MOST_CRASHES = 3
"""Ends of the new version's process, without a minute of quiet between, after which the rollout takes itself back."""
BLIND = 86_400.0
"""Seconds a rollout may stand where nothing can be measured and nobody decides, before it takes itself back."""
NOBODY = "Nobody decided within a day while nothing could be measured."
GRACE = 60.0
"""Seconds the measures may stay away, or a probe be wrong, before a person is asked."""


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
    if s.target_recorded in ("draining", "removed"):
        return Command("fail", why="the revision was taken away")
    if not s.digest_matches:
        return Command("fail", why="the runtime loaded other bytes than were approved")
    if s.watch.answer == "failing":
        return Command("fail", why=s.watch.why, code="guard")
    if s.test.beyond:
        return Command("fail", why=s.test.beyond, code="guard")
    return None


def _forward(s: Snapshot) -> Command:
    if s.shadow.running and (s.shadow.ended or not isinstance(s.current, Shadow)):
        return Command("end_shadow", step=s.step)
    if s.test.running and s.test.step != s.step:
        return Command("end_test", step=s.step)
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
        case Switch() if not s.probed.right:
            return _doubt(s)
        case Shadow():
            return _shadow(s, s.current)
        case Pause() | Hold():
            return _waited(s, s.current)
        case Analyse(give_up=give_up):
            return _judged(s, give_up)
        case AbTest():
            return _tested(s, s.current)
    return _next(s)


def _waited(s: Snapshot, step: Pause | Hold) -> Command:
    """Wait for a time, a person, requests or labels."""
    match step:
        case Pause(person=True):
            return Command("pause", code="person", why="The plan waits for a person here.", step=s.step)
        case Pause(labels=labels, give_up=give_up) if labels:
            why = f"Only {s.test.labels:,} of {labels:,} labels have arrived for each version."
            enough = s.test.labels >= labels
            return _gather(s) or (_next(s) if enough else _patient(s, give_up, "too_few", why))
        case Pause(requests=requests, give_up=give_up) if requests:
            why = f"Only {s.watch.requests:,} of {requests:,} requests came to the new version."
            return _next(s) if s.watch.requests >= requests else _patient(s, give_up, "too_few", why)
    return _until(s, step.seconds)


def _gather(s: Snapshot) -> Command | None:
    """Begin to put ground truth beside what both versions answer; None once that is under way."""
    if s.test.unable:
        return Command("fail", why=s.test.unable)
    return None if s.test.running else Command("test", step=s.step)


def _doubt(s: Snapshot) -> Command:
    """The router has the table; who answers has to be seen as well. Asks until that is right, then a person."""
    if s.probed.why and s.probed.doubted > GRACE:
        return Command("pause", code="unproven", why=s.probed.why, step=s.step)
    return Command("probe", step=s.step)


def _shadow(s: Snapshot, step: Shadow) -> Command:
    """Begin it, wait until enough was compared, end it, go on."""
    if s.shadow.ended:
        return _next(s)
    if s.shadow.unable:
        return Command("fail", why=s.shadow.unable)
    if s.shadow.unfit:
        return Command("fail", why=s.shadow.unfit)
    if not s.shadow.running:
        return Command("shadow", step=s.step)
    if (s.shadow.compared >= step.predictions) if step.predictions else (s.at_step >= step.seconds):
        return Command("end_shadow", step=s.step)
    if not step.predictions:
        return Command("wait", wait=max(0.1, min(step.seconds - s.at_step, LOOK)))
    why = f"Only {s.shadow.compared:,} of {step.predictions:,} predictions were compared."
    return _patient(s, step.give_up, "too_few", why)


def _tested(s: Snapshot, step: AbTest) -> Command:
    """Begin it, and gather until there is something to decide on. A test never goes on by itself."""
    if command := _gather(s):
        return command
    clear = s.test.clear if step.asks else ""
    for code, why in (("mismatch", s.test.mismatch), ("no_units", s.test.nameless), ("decide", clear)):
        if why:
            return Command("pause", code=code, why=why, step=s.step)
    if step.seconds:
        left = step.seconds - s.at_step
        over = "The time of the test is over."
        return _sampled(s, step, over) if left <= 0 else Command("wait", wait=max(0.1, min(left, LOOK)))
    if s.test.units >= step.units:
        return _sampled(s, step, f"Both versions have {step.units:,} units.")
    why = f"Only {s.test.units:,} of {step.units:,} units of each version have ground truth."
    return _patient(s, step.give_up, "too_few", why)


def _sampled(s: Snapshot, step: AbTest, why: str) -> Command:
    """The sample is there: a person decides, or the limits do."""
    if step.asks:
        return Command("pause", code="decide", why=why, step=s.step)
    if s.test.within:
        return _next(s)
    why = "It is not sure yet that every metric keeps its limit."
    if step.seconds:
        return Command("pause", code="inconclusive", why=why, step=s.step)
    return _patient(s, step.give_up, "inconclusive", why)


def _judged(s: Snapshot, give_up: int) -> Command:
    """A judgement: passing goes on, what cannot be judged waits, and a person is asked when waiting does not help."""
    if s.watch.mismatch:
        return Command("pause", code="mismatch", why=s.watch.mismatch, step=s.step)
    if s.watch.answer == "passing" and not s.watch.unread:
        return _next(s)
    if s.watch.unread > GRACE or (s.watch.answer == "error" and s.at_step > GRACE):
        return Command("pause", code="unmeasured", why=_unmeasured(s), step=s.step)
    return _patient(s, give_up, "inconclusive", s.watch.why or "There is not enough data for an answer.")


def _patient(s: Snapshot, give_up: int, code: str, why: str) -> Command:
    if s.at_step < give_up:
        return Command("wait", why=why, wait=LOOK)
    if s.watch.unread > GRACE:
        return Command("pause", code="unmeasured", why=s.watch.away, step=s.step)
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
    if s.pause_code == "unproven":
        return Command("go_on", step=s.step) if s.probed.right else Command("probe", step=s.step, wait=LOOK)
    if s.pause_code == "unmeasured" and s.paused_for > BLIND and _unmeasured(s):
        return Command("fail", why=f"{NOBODY} {_unmeasured(s)}", code="unmeasured")
    return Command("wait", why="paused", wait=LOOK)


def _unmeasured(s: Snapshot) -> str:
    """Why there is nothing to judge by; "" where there is, or soon may be."""
    if s.watch.answer == "error":
        return s.watch.why
    return s.watch.away if s.watch.unread > GRACE else ""


def _back(s: Snapshot) -> Command:
    """Undo: a table of ours may still be on its way, so a newer one must be seen in force before this is over."""
    if s.shadow.running:
        return Command("end_shadow", step=s.step)
    if s.former is None or s.generation is None:
        return _settled(s)
    home = Aim(s.former)
    if s.taken == home and s.in_force(home):
        sure = s.probed.right or s.probed.doubted > GRACE
        return _settled(s, s.probed.why) if sure else Command("probe", step=s.step)
    return _switch(s, home, "take_back_generation", "route_back")


def _settled(s: Snapshot, why: str = "") -> Command:
    """The traffic is home; a test that still runs ends with it."""
    return Command("end_test", step=s.step) if s.test.running else Command("settle", why=why)
