"""Rows of a bypass turned into the plain facts its policy works on."""

from collections.abc import Iterable
from datetime import datetime

from deployments.models import Bypass
from deployments.policies import bypass as policy
from deployments.policies.bypass import REVIEWERS, BypassFacts
from deployments.policies.promotion import ApprovalFacts, PersonFacts, RequestFacts, Verdict
from deployments.policies.rules import BypassRule
from deployments.selectors import facts as read
from portal.accounts.models import Person


def of(row: Bypass, request: RequestFacts | None = None, pool: Iterable[PersonFacts] | None = None) -> BypassFacts:
    """The facts under the rules the promotion request was frozen with. `request` and `pool`, the people who might
    decide, are what the caller has read for many bypasses at once."""
    found = request or read.request(row.request)
    rule = policy.rule_of(found)
    granted = [(grant.granter, "granted this bypass") for grant in row.grants.all()]
    return BypassFacts(
        number=row.pk,
        status=row.status,
        request=found,
        rule=rule,
        asker_id=row.asker_id,
        granters=frozenset(grant.granter_id for grant in row.grants.all()),
        gates=tuple(row.gates),
        expires_at=row.expires_at,
        review_due_at=row.review_due_at,
        twins=read.twins([(row.asker, "asked for this bypass"), *granted], _able(rule) if pool is None else pool),
    )


def grants(row: Bypass) -> list[ApprovalFacts]:
    """The grants as the matching of approvals takes them; all are of the evidence the bypass is bound to."""
    return [
        ApprovalFacts(read.person(g.granter), g.at, g.evidence_digest, row.request_revision) for g in row.grants.all()
    ]


def people(facts: BypassFacts) -> list[PersonFacts]:
    """Active people who hold a role that grants or reviews the bypass."""
    return _able(facts.rule)


def _able(rule: BypassRule) -> list[PersonFacts]:
    roles = {one.role for one in (*rule.by, REVIEWERS)}
    found = Person.objects.filter(is_active=True, role_grants__role__in=roles).distinct()
    return [read.person(p) for p in found.order_by("name").prefetch_related("role_grants")]


def verdict(row: Bypass, facts: BypassFacts, now: datetime) -> Verdict:
    """Whether its grants fill the rule."""
    return policy.verdict(facts, grants(row), people(facts), now)
