"""After a rollback programs promote nothing by themselves until a person releases it: who may, and what waits. Pure."""

from dataclasses import dataclass
from datetime import datetime

from portal.accounts import access
from portal.accounts.permissions import Permission
from portal.core.actors import Actor
from portal.core.decisions import ALLOWED, Decision, refused, refused_now

CODE = "frozen_after_rollback"
FROZEN = (
    "{endpoint} was rolled back, so programs promote nothing here until a person releases it: "
    "an ML lead or an operator of the team, on the endpoint's page. People can ask for a promotion as always."
)
WHY = "Say why programs may promote here again, in 3 to 4\u202f000 characters."
WAITS = "frozen after a rollback: no person has asked for it or approved it since"


def follows(event: str, *, served: bool) -> bool:
    """Whether giving a rollout up freezes automatic promotions: a way back that callers noticed does.

    `event` is what becomes of its request, `served` whether it moved any traffic. An A/B test that kept the champion
    because the new version is no better is an answer and no fault.
    """
    return event == "roll_back" or (event == "fail" and served)


@dataclass(frozen=True, slots=True)
class StartFacts:
    """What stands behind a request that could start: when a person asked for it (None: a program did), and the newest
    approval of a person."""

    frozen_since: datetime | None
    asked_by_person_at: datetime | None
    approved_at: datetime | None


def may_ask(actor: Actor, frozen_since: datetime | None, endpoint: str) -> Decision:
    """A person asks as always. A program does not while automatic promotions are frozen."""
    if frozen_since is None or actor.is_person:
        return ALLOWED
    return refused_now(CODE, FROZEN.format(endpoint=endpoint))


def may_start(facts: StartFacts) -> Decision:
    """A request starts when a person stands behind it who knew of the rollback."""
    if facts.frozen_since is None:
        return ALLOWED
    word = max(filter(None, (facts.asked_by_person_at, facts.approved_at)), default=None)
    return ALLOWED if word is not None and word >= facts.frozen_since else refused_now(CODE, WAITS)


def may_release(actor: Actor, team_id: int) -> Decision:
    """Those who steer rollouts, in a session: the point of the freeze is that a person looks."""
    allowed = access.may(actor, Permission.ROLLOUTS_STEER, team_id)
    if allowed and not actor.is_person:
        return refused("only_people_release", "Only people release automatic promotions, in a session.")
    return allowed
