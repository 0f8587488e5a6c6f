"""Taking the policy of a risk tier away, so that the environment's general policy holds for the tier again."""

from django.db import transaction

from deployments.models import Policy, PolicyVersion
from deployments.policies import change
from deployments.selectors import policies as select
from deployments.services.policies import drafting
from portal.core import digests
from portal.core.actors import Actor
from portal.core.errors import Refused
from portal.core.locking import lock
from registry.models import RiskTier

GENERAL = (
    "This policy holds for all models without one of their own, so it cannot be retired: nothing would hold for them. "
    "Change it instead."
)


@transaction.atomic
def retire(*, actor: Actor, environment: str, tier: str, why: str = "") -> PolicyVersion:
    """Begin a change that retires the tier's own policy: a draft like any other, approved under that very policy.

    It pins the version of the general policy that will hold instead, with its rules for diff and replay. Raises
    `Refused` for the general policy and for a tier that has none of its own in force, `Conflict` while another change
    of the policy is under way.
    """
    change.may_draft(actor).require()
    place = drafting.where(environment, tier)
    if not tier:
        raise Refused(GENERAL, code="general_policy")
    own = select.own(place.pk, tier)
    if own is None:
        name = RiskTier(tier).label.lower()
        raise Refused(
            f"Models of {name} risk have no policy of their own in force in {environment}.", code="nothing_to_retire"
        )
    policy = lock(Policy.objects.filter(pk=own.policy_id))
    row = PolicyVersion(policy=policy, base=own, falls_to=(general := select.in_force(place.pk)))
    row.content, row.digest = general.content, digest(policy, general)
    return drafting.begin(actor, row, why)


def digest(policy: Policy, general: PolicyVersion) -> str:
    """What is approved: that this policy is retired, and which rules hold instead."""
    return digests.of_json({"retires": policy.pk, "falls_to": general.pk, "rules": general.content})
