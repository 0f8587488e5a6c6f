"""What to do next for a rollout: a pure function from what was observed to one command.

The same snapshot always gives the same command, carrying a command out twice equals once, and a step counts as done
only when the world has been seen to be so. The share of the new revision rises only after the share before it was read
back from the router, and whatever goes wrong leads back to the former champion under a newer generation.
"""

from typing import Literal

from deployments.engine.bounds import PATIENCE
from deployments.engine.snapshot import Aim, Answer, Command, Loaded, Probed, Routes, Shadowing, Snapshot, Trial, Watch
from deployments.engine.steps import MOVES, Load, Shadow, Switch, Warm, share_at, stage_of
from deployments.engine.turns import GRACE, LOOK, lost, turn, unmeasured

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
    "while_away",
]

MOST_CRASHES = 3
"""Ends of the new version's process, without a minute of quiet between, after which the rollout takes itself back."""
MOST_AWAY = 600.0
"""Seconds a new version that was warm may not be ready, in any step, before the rollout takes itself back."""
BLIND = 86_400.0
"""Seconds a rollout may stand where nothing can be measured and nobody decides, before it takes itself back."""
NOT_READY = "The new version has not been ready for a minute. The rollout takes itself back after ten."
NOBODY = "Nobody decided within a day while nothing could be measured."


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


def while_away(status: str, *, rollback: bool, step: int, seconds: float, why: str) -> Command:
    """The next command while the runtime has not answered for so many seconds, and nothing of the world is known.

    Nothing can be moved, so people are told after a while, the traffic staying as it is. A rollback goes on by itself
    as soon as it can.
    """
    if status == "progressing" and not rollback and seconds > GRACE:
        return Command("pause", code="unmeasured", why=f"Nothing can be seen of what is served. {why}", step=step)
    return Command("wait", why=why, wait=1.0 if seconds <= GRACE else LOOK)


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
    if s.lost and s.away_for > MOST_AWAY:
        return Command("fail", why=f"It was not ready for 10 min. {s.failure}".strip(), code="lost")
    return _wrong(s)


def _wrong(s: Snapshot) -> Command | None:
    """What it is, or shows, ends a rollout."""
    if not s.digest_matches:
        return Command("fail", why="the runtime loaded other bytes than were approved")
    if s.watch.answer == "failing":
        return Command("fail", why=s.watch.why, code="guard")
    if s.test.beyond:
        return Command("fail", why=s.test.beyond, code="guard")
    return None


def _forward(s: Snapshot) -> Command:
    aim = aim_at(s, s.step - 1 if s.held else s.step)
    if first := _stranded(s, aim) or _left_over(s):
        return first
    warm = s.loaded == "ready" and s.target_recorded == "ready"
    there = warm and (aim is None or s.in_force(aim))
    if s.deadline_passed and not (there or s.held) and isinstance(s.current, (Load, Warm, *MOVES)):
        return Command("fail", why="it took longer than the plan allows")
    if not warm:
        return _load(s)
    if aim is not None and not there:
        return _switch(s, aim, "take_generation", "route")
    if s.watch.few:
        return Command("pause", code="callers", why=s.watch.few, step=s.step)
    return _held(s) if s.held else turn(s)


def _held(s: Snapshot) -> Command:
    """What an approval asks for has not been seen yet: wait, and ask a person when it does not come."""
    if s.held_for > PATIENCE:
        return Command("pause", code="condition", why=s.held, step=s.step)
    return Command("wait", why=s.held, wait=LOOK, code="held")


def _stranded(s: Snapshot, wanted: Aim | None) -> Command | None:
    """Callers have no route, and what is wanted cannot be put in force: meanwhile the champion answers them all."""
    if s.former is None or s.former_loaded != "ready" or not s.routes.missing:
        return None
    able = s.loaded == "ready" and wanted not in (None, Aim(s.former))
    return None if able else _switch(s, Aim(s.former), "take_generation", "route")


def _left_over(s: Snapshot) -> Command | None:
    """End what an earlier step began before anything moves."""
    if s.shadow.running and (s.shadow.ended or not isinstance(s.current, Shadow)):
        return lost(s, s.shadow) if s.shadow.unread else Command("end_shadow", step=s.step)
    if s.test.running and s.test.step != s.step:
        return Command("end_test", step=s.step)
    return None


def _load(s: Snapshot) -> Command:
    """What is left until the target is seen warm and recorded so."""
    if s.loaded == "absent":
        return Command("load")
    if s.loaded == "loading":
        if s.lost and s.away_for > GRACE:
            return Command("wait", why=f"{NOT_READY} {s.failure}".strip(), wait=LOOK, code="lost")
        starting = Command("wait", why=s.failure or "It is being loaded.", wait=0.2, code="loading")
        return Command("note_loading") if s.target_recorded == "requested" else starting
    return Command("note_warm")


def _switch(
    s: Snapshot,
    aim: Aim,
    take: Literal["take_generation", "take_back_generation"],
    send: Literal["route", "route_back"],
) -> Command:
    """Take a generation above everything seen, before sending the table; send again until it is seen in force. One that
    was proven and is lost gets another number: what a probe saw under the old one proves nothing any more."""
    overtaken = s.generation is not None and s.routes.generation > s.generation
    under_our_number = s.routes.generation == s.generation and s.routes.aim != aim
    proof_lost = s.routes.missing and s.probed.right and aim.canary is None
    if s.taken != aim or overtaken or under_our_number or proof_lost:
        return Command(take, at_least=s.routes.generation, aim=aim, step=s.step)
    return Command(send)


def _stay(s: Snapshot) -> Command:
    """At a standstill the traffic stays where this rollout put it last, also when the runtime has lost it. Where that
    has lost the new version too the champion has all of it, and a person raises that again."""
    if first := _stranded(s, s.taken) or (_load(s) if s.lost else None):
        return first
    if s.taken is not None and not s.in_force(s.taken) and s.loaded == "ready":
        return _switch(s, s.taken, "take_generation", "route")
    if s.pause_code == "unproven" and (s.former is None or s.taken != Aim(s.former)):
        return Command("go_on", step=s.step) if s.probed.right else Command("probe", step=s.step, wait=LOOK)
    if s.pause_code == "unmeasured" and s.paused_for > BLIND and unmeasured(s):
        return Command("fail", why=f"{NOBODY} {unmeasured(s)}", code="unmeasured")
    return Command("wait", why="paused", wait=LOOK)


def _back(s: Snapshot) -> Command:
    """Undo: a table of ours may still be on its way, so a newer one must be seen in force before this is over."""
    if s.shadow.running:
        return Command("end_shadow", step=s.step)
    if s.generation is None:
        return _settled(s)
    if s.former is None:
        at_least = max(s.generation, s.routes.generation)
        return _settled(s) if s.routes.missing else Command("unroute", at_least=at_least)
    home = Aim(s.former)
    if s.taken == home and s.in_force(home):
        sure = s.probed.right or s.probed.doubted > GRACE
        return _settled(s, s.probed.why) if sure else Command("probe", step=s.step)
    return _switch(s, home, "take_back_generation", "route_back")


def _settled(s: Snapshot, why: str = "") -> Command:
    """The traffic is home; a test that still runs ends with it."""
    return Command("end_test", step=s.step) if s.test.running else Command("settle", why=why)
