"""Policies and their versions, and which of them holds for a model."""

from typing import Any

from django.db.models import Prefetch, QuerySet

from deployments.models import Policy, PolicyVersion
from deployments.policies import change
from deployments.policies import rules as rules_policy
from deployments.policies.promotion import PersonFacts
from deployments.selectors import facts as read
from deployments.states import policy as states
from portal.accounts.models import Person
from portal.accounts.policies.mailboxes import mailbox
from portal.core.errors import NotFound, Refused
from registry.models import RiskTier

TIERS = ["", *RiskTier.values]
MISSING = "There is no such policy, or no such version of it."


def versions() -> QuerySet[PolicyVersion]:
    return PolicyVersion.objects.select_related(
        "policy__environment",
        "base__policy__environment",
        "falls_to__policy__environment",
        "created_by",
        "proposed_by",
        "approved_by",
    )


def in_force(environment_id: int, tier: str = "") -> PolicyVersion:
    """The version that holds for models of this risk tier: the tier's own, or the environment's.

    Raises `Refused` when none is in force, so that nothing gets in without a policy.
    """
    rows = versions().filter(policy__environment_id=environment_id, policy__tier__in=["", tier])
    found = {row.policy.tier: row for row in rows.filter(status=states.IN_FORCE)}
    if not found:
        raise Refused("No policy is in force here, so nothing can be promoted.", code="no_policy")
    return found.get(tier) or found[""]


def own(environment_id: int, tier: str) -> PolicyVersion | None:
    """The version in force of the tier's own policy, None while the environment's general one holds for it."""
    rows = versions().filter(policy__environment_id=environment_id, policy__tier=tier, status=states.IN_FORCE)
    return rows.first() if tier else None


def all_in_force() -> dict[int, list[PolicyVersion]]:
    """The versions in force by the id of their environment, the one for all tiers first."""
    found: dict[int, list[PolicyVersion]] = {}
    rows = versions().filter(status=states.IN_FORCE)
    for row in sorted(rows, key=lambda found: TIERS.index(found.policy.tier)):
        found.setdefault(row.policy.environment_id, []).append(row)
    return found


def pin(version: PolicyVersion) -> dict[str, Any]:
    """What a promotion request keeps of the policy it starts with: everything, under ids that no renaming reaches."""
    rules = rules_policy.parse(version.content)
    return {
        "environment": version.policy.environment.name,
        "id": version.policy_id,
        "name": str(version),
        "rules": version.content,
        "rules_version": version.number,
        "digest": version.digest,
        "teams": team_ids(rules),
    }


def team_ids(rules: rules_policy.Rules) -> dict[str, int]:
    """The ids of the teams the rules name."""
    return read.team_ids(rules.teams)


def one(policy_id: int) -> Policy:
    row = listed().filter(pk=policy_id).first()
    if row is None:
        raise NotFound(MISSING)
    return row


def listed() -> QuerySet[Policy]:
    """All policies, each with its versions, newest first, and its environment."""
    rows = Policy.objects.select_related("environment").prefetch_related(Prefetch("versions", versions()))
    return rows.order_by("environment__position", "environment__name", "tier")


def version(policy_id: int, number: int) -> PolicyVersion:
    row = versions().filter(policy_id=policy_id, number=number).first()
    if row is None:
        raise NotFound(MISSING)
    return row


def draft(change_id: int) -> PolicyVersion:
    """A change of a policy, whatever became of it."""
    row = versions().filter(pk=change_id).first()
    if row is None:
        raise NotFound("There is no such change of a policy.")
    return row


def authority(row: PolicyVersion) -> PolicyVersion:
    """The version in force whose rules say who approves this change: of the policy, or of the whole environment."""
    return in_force(row.policy.environment_id, row.policy.tier)


def facts(row: PolicyVersion) -> change.ChangeFacts:
    """Who had a hand in the change, and the old rules."""
    rules = rules_policy.parse(authority(row).content)
    hands = frozenset(one for one in (*row.editors, row.proposed_by_id, row.created_by_id) if one)
    return change.ChangeFacts(hands, rules, team_ids(rules), _twins(hands))


def _twins(hands: frozenset[int]) -> dict[int, str]:
    """Other accounts of these people, and whose mailbox they share."""
    owners = {mailbox(row.email): str(row) for row in Person.objects.filter(pk__in=hands)}
    others = Person.objects.filter(is_active=True).exclude(pk__in=hands).only("pk", "email")
    found = {row.pk: mailbox(row.email) for row in others}
    return {pk: owners[place] for pk, place in found.items() if place in owners}


def approvers(found: change.ChangeFacts) -> list[PersonFacts]:
    """Active people who could approve the change."""
    rows = Person.objects.filter(is_active=True, role_grants__isnull=False).distinct().order_by("name")
    people = [read.person(row) for row in rows.prefetch_related("role_grants")]
    out = found.authors | set(found.twins)
    return [p for p in people if p.person_id not in out and change.able(p.grants, found)]
