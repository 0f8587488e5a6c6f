"""Who can approve a request that is about to be sent."""

from deployments.models import Endpoint, Environment
from deployments.policies import promotion as policy
from deployments.policies import rules as rules_policy
from deployments.policies.promotion import RequestFacts, RuleLine
from deployments.selectors import facts as read
from deployments.selectors import policies
from portal.core import clock
from portal.core.actors import Actor
from registry.models import ModelVersion


def who_can_approve(
    actor: Actor, *, environment: Environment, endpoint: Endpoint, version: ModelVersion
) -> tuple[RuleLine, ...]:
    """The rules that hold for the model, with who could fill them; not the asking person, and not the uploader."""
    rules = rules_policy.parse(policies.in_force(environment.pk, version.model.tier).content)
    facts = RequestFacts(
        number=0,
        status="pending_review",
        team_id=endpoint.team_id,
        requester_id=actor.person_id or 0,
        uploader_id=version.registered_by_person_id,
        rules=rules,
        teams=policies.team_ids(rules),
    )
    return policy.verdict(facts, [], read.reviewers(facts), clock.now()).lines
