"""Rows turned into the plain facts that policies and evidence work on."""

from typing import Any

from deployments.gates import catalogue as gates
from deployments.models import Approval, Endpoint, Environment, PromotionRequest
from deployments.policies import evidence as evidence_policy
from deployments.policies import rules as rules_policy
from deployments.policies.promotion import ApprovalFacts, PersonFacts, RequestFacts
from deployments.selectors import gate_facts
from portal.accounts.models import Person, Team
from portal.core.actors import Grant
from portal.lifecycle import catalogue
from registry.models import ModelVersion


def grants_of(person: Person) -> frozenset[Grant]:
    return frozenset(Grant(g.role, g.team_id) for g in person.role_grants.all())


def person(row: Person) -> PersonFacts:
    return PersonFacts(row.pk, str(row), row.is_active, grants_of(row))


def request(row: PromotionRequest, teams: dict[str, int] | None = None) -> RequestFacts:
    """The facts of a request under the rules it was frozen with, not those of today.

    `teams` maps slugs to ids where the caller has read them for many requests at once.
    """
    rules = rules_policy.parse(row.evidence["policy"]["rules"])
    named = [rule.team for rule in rules.approvals if rule.team]
    if teams is None:
        teams = dict(Team.objects.filter(slug__in=named).values_list("slug", "pk")) if named else {}
    return RequestFacts(
        number=row.pk,
        status=row.status,
        team_id=row.endpoint.team_id,
        requester_id=row.requester_id,
        uploader_id=row.uploader_id,
        rules=rules,
        teams=teams,
        evidence_digest=row.evidence_digest,
        revision=row.revision,
        blocked=evidence_policy.blocked(row.evidence),
    )


def approvals(row: PromotionRequest) -> list[ApprovalFacts]:
    """All approvals ever given to the request; the verdict says which count."""
    given = Approval.objects.filter(request=row).select_related("reviewer").prefetch_related("reviewer__role_grants")
    return [ApprovalFacts(person(a.reviewer), a.at, a.evidence_digest, a.request_revision) for a in given]


def reviewers(facts: RequestFacts) -> list[PersonFacts]:
    """Active people who hold a role that some rule of the request names."""
    roles = {rule.role for rule in facts.rules.approvals}
    found = Person.objects.filter(is_active=True, role_grants__role__in=roles).distinct()
    return [person(p) for p in found.order_by("name").prefetch_related("role_grants")]


def version(row: ModelVersion) -> dict[str, Any]:
    return {
        "model": row.model.name,
        "number": row.number,
        "digest": row.digest,
        "status": row.status,
        "status_words": catalogue.state_of(row).words,
        "signature": row.signature,
        "size_bytes": row.size_bytes,
        "run_id": row.mlflow_run_id,
        "executes_code": row.executes_code,
        "metrics": row.metrics,
        "params": row.params,
    }


def evidence(*, endpoint: Endpoint, environment: Environment, candidate: ModelVersion) -> dict[str, Any]:
    """The evidence as it stands now for `candidate` on `endpoint`; `endpoint` may be unsaved."""
    champion = endpoint.stable.version if endpoint.stable_id and endpoint.stable else None
    asked = rules_policy.parse(environment.rules).gates
    known = gate_facts.of(endpoint, candidate, champion, asked)
    return evidence_policy.assemble(
        version=version(candidate),
        champion=version(champion) if champion else None,
        endpoint={
            "environment": environment.name,
            "name": endpoint.name,
            "alias": environment.alias if endpoint.primary else "",
        },
        rules=environment.rules,
        rules_version=environment.rules_version,
        gates=gates.answers(known, asked),
        evaluations=[{"number": one.number, "digest": one.digest} for one in known.evaluations.values()],
    )
