"""Where a rollout goes when it leaves its step, and how a button says so. Pure."""

from deployments.engine import wording
from deployments.engine.steps import MOVES, WHOLE, AbTest, Analyse, Hold, Pause, Shadow, Step, Steps, Weight, share_at


def waits_for_person(step: Step) -> bool:
    """Whether the plan goes on from this step by the word of a person alone."""
    return (isinstance(step, Pause) and step.person) or (isinstance(step, AbTest) and step.asks)


def stop_after(steps: Steps, index: int) -> int:
    """Where going on early from `index` leads: the next weight or switch, or before that whatever waits for a person,
    whom nobody skips; the number of steps when nothing is left."""
    later = range(index + 1, len(steps))
    return next((at for at in later if isinstance(steps[at], MOVES) or waits_for_person(steps[at])), len(steps))


def words(steps: Steps, at: int) -> str:
    """A button that leads to the step at `at`: what comes of it, and under which share where that stays."""
    if at >= len(steps):
        return "Finish"
    step = steps[at]
    if isinstance(step, MOVES):
        return f"Go to {wording.percent(step.weight if isinstance(step, Weight) else WHOLE)}"
    share = share_at(steps, at)
    return f"{_begins(step)} at {wording.percent(share)}" if share else _begins(step)


def _begins(step: Step) -> str:
    match step:
        case Shadow():
            return "Begin the shadow"
        case Analyse():
            return "Begin the analysis"
        case AbTest():
            return "Begin the A/B test"
        case Hold():
            return wording.words(step)[0]
    said = wording.words(step)[0]
    return f"Go on: {said[0].lower()}{said[1:]}"


def early(steps: Steps, index: int) -> str:
    """The button that leaves the step at `index` before the plan would."""
    at = stop_after(steps, index)
    if at < len(steps) and isinstance(steps[at], Pause):
        return "Let a person decide now"
    return f"{words(steps, at)} early"
