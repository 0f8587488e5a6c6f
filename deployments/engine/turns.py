"""What a step of a rollout wants once the traffic is where it should be: go on, wait, or ask a person. Pure."""

from deployments.engine import wording
from deployments.engine.snapshot import Command, Shadowing, Snapshot, Trial
from deployments.engine.steps import AbTest, Analyse, Hold, Pause, Shadow, Switch, guards_at

LOOK = 3.0
"""Seconds between two looks while a step waits: a fault is seen within about as long."""
GRACE = 60.0
"""Seconds the measures may stay away, or a probe be wrong, before a person is asked."""
TOO_LITTLE = "There is not enough data for an answer."


def turn(s: Snapshot) -> Command:
    """The traffic is where this step wants it: go on, wait, or ask a person."""
    match s.current:
        case Switch() | Hold() | None if not s.probed.right:
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
            came = f"{wording.count(s.test.labels)} of {wording.count(labels)}"
            why = f"Only {came} labels have arrived for each version."
            enough = s.test.labels >= labels
            return _gather(s) or (_onward(s) if enough else _patient(s, give_up, "too_few", why))
        case Pause(requests=requests, give_up=give_up) if requests:
            came = f"{wording.count(s.watch.requests)} of {wording.count(requests)}"
            why = f"Only {came} requests came to the new version."
            return _onward(s) if s.watch.requests >= requests else _patient(s, give_up, "too_few", why)
    return _until(s, step.seconds)


def _gather(s: Snapshot) -> Command | None:
    """Begin to put ground truth beside what both versions answer; None once that is under way and can be read."""
    if s.test.unable:
        return Command("fail", why=s.test.unable)
    if s.test.unread:
        return lost(s, s.test)
    return None if s.test.running else Command("test", step=s.step)


def lost(s: Snapshot, what: Trial | Shadowing) -> Command:
    """What this step gathers cannot be read: wait for a while, then ask a person."""
    if what.unread > GRACE:
        return Command("pause", code="unmeasured", why=what.away, step=s.step)
    return Command("wait", why=what.away, wait=LOOK)


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
    if s.shadow.unread:
        return lost(s, s.shadow)
    if not s.shadow.running:
        return Command("shadow", step=s.step)
    if (s.shadow.compared >= step.predictions) if step.predictions else (s.at_step >= step.seconds):
        return Command("end_shadow", step=s.step)
    if not step.predictions:
        return Command("wait", wait=max(0.1, min(step.seconds - s.at_step, LOOK)))
    why = f"Only {wording.count(s.shadow.compared)} of {wording.count(step.predictions)} predictions were compared."
    return _patient(s, step.give_up, "too_few", why)


def _tested(s: Snapshot, step: AbTest) -> Command:
    """Begin it, and gather until there is something to decide on. Only limits let a test go on by itself."""
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
        return _sampled(s, step, f"Both versions have {wording.count(step.units)} units.")
    why = f"Only {wording.count(s.test.units)} of {wording.count(step.units)} units of each version have ground truth."
    return _patient(s, step.give_up, "too_few", why)


def _sampled(s: Snapshot, step: AbTest, why: str) -> Command:
    """The sample is there: a person decides, or the limits do."""
    return Command("pause", code="decide", why=why, step=s.step) if step.asks else _limited(s, step)


def _limited(s: Snapshot, step: AbTest) -> Command:
    """Limits let it go on where every metric keeps its own, on labels that are alike, and the step's guards pass."""
    if s.test.labels_apart:
        return Command("pause", code="mismatch", why=s.test.labels_apart, step=s.step)
    if unseen := _unseen(s):
        return unseen
    if not s.test.within:
        why = "It is not sure yet that every metric keeps its limit."
    elif step.guards and s.watch.answer != "passing":
        why = s.watch.why or TOO_LITTLE
    else:
        return _next(s)
    if step.seconds:
        return Command("pause", code="inconclusive", why=why, step=s.step)
    return _patient(s, step.give_up, "inconclusive", why)


def _judged(s: Snapshot, give_up: int) -> Command:
    """A judgement: passing goes on, what cannot be judged waits, and a person is asked when waiting does not help."""
    if doubt := _doubtful(s):
        return doubt
    if s.watch.answer == "passing" and not s.watch.unread:
        return _next(s)
    return _patient(s, give_up, "inconclusive", s.watch.why or TOO_LITTLE)


def _doubtful(s: Snapshot) -> Command | None:
    """Ask a person where no judgement can be made and waiting does not help; None elsewhere."""
    if s.watch.mismatch:
        return Command("pause", code="mismatch", why=s.watch.mismatch, step=s.step)
    silent = s.watch.answer in (None, "error") and s.at_step > GRACE
    if silent or s.watch.unread > GRACE:
        return Command("pause", code="unmeasured", why=unmeasured(s) or "Nothing was measured.", step=s.step)
    return None


def _unseen(s: Snapshot) -> Command | None:
    """Wait, or ask a person, while guards watch and what they see is not known; None where it is, whatever they say."""
    if not guards_at(s.plan, s.step):
        return None
    known = s.watch.answer not in (None, "error") and not s.watch.unread
    return _doubtful(s) or (None if known else Command("wait", wait=LOOK))


def _patient(s: Snapshot, give_up: int, code: str, why: str) -> Command:
    if s.at_step < give_up:
        return Command("wait", why=why, wait=LOOK)
    if s.watch.unread > GRACE:
        return Command("pause", code="unmeasured", why=s.watch.away, step=s.step)
    return Command("pause", code=code, why=why, step=s.step)


def _until(s: Snapshot, seconds: int) -> Command:
    left = seconds - s.at_step
    return _onward(s) if left <= 0 else Command("wait", wait=max(0.1, min(left, LOOK)))


def _onward(s: Snapshot) -> Command:
    """Go on from what judges nothing, unless what watches there is not known: unknown is never a pass."""
    return _unseen(s) or _next(s)


def _next(s: Snapshot) -> Command:
    return Command("next", step=s.step) if s.step + 1 < len(s.plan) else Command("complete")


def unmeasured(s: Snapshot) -> str:
    """Why there is nothing to judge by; "" where there is, or soon may be."""
    if s.watch.answer == "error":
        return s.watch.why
    return next((what.away for what in (s.watch, s.test, s.shadow) if what.unread > GRACE), "")
