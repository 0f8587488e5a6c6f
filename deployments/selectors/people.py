"""Who can approve a request that is about to be sent."""

from dataclasses import replace

from deployments.models import Endpoint, Environment
from deployments.policies import promotion as policy
from deployments.policies import rules as rules_policy
from deployments.policies.promotion import RequestFacts, RuleLine
from deployments.selectors import facts as read
from deployments.selectors import policies
from portal.accounts import stepup
from portal.accounts.models import Person
from portal.core import clock
from portal.core.actors import Actor
from registry.models import ModelVersion


def who_can_approve(
    actor: Actor, *, environment: Environment, endpoint: Endpoint, version: ModelVersion
) -> tuple[RuleLine, ...]:
    """The rules that hold for the model, with who could fill them; not the asking person nor the uploader, under
    whatever account."""
    rules = rules_policy.parse(policies.in_force(environment.pk, version.model.tier).content)
    uploader = version.registered_by_person
    parts = [(row, "asks for it") for row in Person.objects.filter(pk=actor.person_id or 0)]
    parts += [(uploader, "registered the version")] if uploader else []
    facts = RequestFacts(
        number=0,
        status="pending_review",
        team_id=endpoint.team_id,
        requester_id=actor.person_id or 0,
        uploader_id=version.registered_by_person_id,
        rules=rules,
        teams=policies.team_ids(rules),
    )
    pool = read.reviewers(facts)
    barred = {pk: f"{why}, so cannot approve it" for pk, why in read.twins(parts, pool).items()}
    return policy.verdict(replace(facts, barred=barred), [], pool, clock.now()).lines


def needed(endpoint: Endpoint) -> list[str]:
    """What a request for this endpoint takes, as people read it: approvals, and how they are signed."""
    rules = rules_policy.parse(policies.in_force(endpoint.environment_id, endpoint.model.tier).content)
    approvals = rules_policy.people_in_words(rules.approvals)
    signed = [f"Approving takes a fresh second look by {stepup.in_words(rules.step_up)}"] if approvals else []
    approvals = [f"Approvals: {line}" for line in approvals]
    return [*(approvals or ["No approval needed: a request starts to roll out at once"]), *signed]
