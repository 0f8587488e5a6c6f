"""When a rollout will go on, from what its planner waits for: in words that change once a minute. Pure."""

from dataclasses import dataclass

from deployments.engine import wording
from deployments.engine.steps import AbTest, Analyse, Load, Pause, Step, Steps, Warm, next_move, share_at

MINUTE = 60


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a rollout stands: `at_step` seconds in its step, `seen` requests to the new version under the present
    weight, `need` what its guards want of them in all, `rate` requests a second to the endpoint (None: not known)."""

    step: int
    at_step: float
    seen: int = 0
    need: int | None = 0
    rate: float | None = None


def words(steps: Steps, now: Standing) -> str:
    """ "Next step in about 4 min", or when a person is asked; "" where nobody can say."""
    if now.step >= len(steps) or isinstance(steps[now.step], Load | Warm):
        return ""
    until, total = next_move(steps, now.step), 0.0
    for at in range(now.step, until):
        if _asks(steps[at]):
            return f"Asks a person {_about(total)}" if total else "A person decides when it goes on"
        left, patience = _left(steps, at, now)
        if left is None:
            return f"Asks a person {_about(total + patience)} at the latest"
        if patience and left > patience:
            return f"Asks a person {_about(total + patience)}"
        total += left
    return f"{'Over' if until == len(steps) else 'Next step'} {_about(total)}"


def _asks(step: Step) -> bool:
    return (isinstance(step, Pause) and step.person) or (isinstance(step, AbTest) and step.asks)


def _left(steps: Steps, at: int, now: Standing) -> tuple[float | None, float]:
    """The seconds a step still takes, None where nobody can say, and those until it gives up, 0 for never."""
    step, spent = steps[at], now.at_step if at == now.step else 0.0
    count = wording.counted(step, now.rate, share_at(steps, at) or 0)
    if count is None:
        return max(0.0, wording.span(step, now.rate, 0)[0] - spent), 0.0
    patience = max(0.0, count.give_up - spent)
    if count.per_second is None or count.what != "requests" or not isinstance(step, Analyse | Pause):
        return None, patience
    if isinstance(step, Analyse) and now.need is None:
        return None, patience
    wanted = max(count.amount, now.need or 0) if isinstance(step, Analyse) else count.amount
    missing = max(0, wanted - now.seen)
    return (missing / count.per_second if count.per_second > 0 else float("inf")) if missing else 0.0, patience


def _about(seconds: float) -> str:
    if seconds < MINUTE:
        return "within a minute"
    return f"in about {wording.seconds(seconds if seconds >= 60 * MINUTE else round(seconds / MINUTE) * MINUTE)}"
