"""Rows turned into the plain facts that policies and evidence work on."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from deployments.gates import catalogue as gates
from deployments.models import Approval, Endpoint, Environment, Policy, PromotionRequest
from deployments.policies import evidence as evidence_policy
from deployments.policies import rules as rules_policy
from deployments.policies.promotion import ApprovalFacts, PersonFacts, RequestFacts
from deployments.selectors import gate_facts
from portal.accounts.models import Person, Team
from portal.core.actors import Grant
from portal.lifecycle import catalogue
from registry.models import ModelVersion

Json = dict[str, Any]


def grants_of(person: Person) -> frozenset[Grant]:
    return frozenset(Grant(g.role, g.team_id) for g in person.role_grants.all())


def person(row: Person) -> PersonFacts:
    return PersonFacts(row.pk, str(row), row.is_active, grants_of(row))


@dataclass(frozen=True, slots=True)
class Standing:
    """What of all that the pinned policies of some requests name exists today; read once for many requests."""

    teams: dict[int, str]
    policies: frozenset[int]


def standing(rows: Iterable[PromotionRequest]) -> Standing:
    """The teams and policies these requests rest on, as they stand now."""
    pins = [row.evidence["policy"] for row in rows]
    slugs = {rule["team"] for pin in pins for rule in pin["rules"]["approvals"] if rule["team"]}
    pinned = {team for pin in pins for team in pin.get("teams", {}).values()}
    teams = Team.objects.filter(Q(slug__in=slugs) | Q(pk__in=pinned)) if slugs else Team.objects.none()
    ids = {pin["id"] for pin in pins if "id" in pin}
    policies = Policy.objects.filter(pk__in=ids).values_list("pk", flat=True) if ids else ()
    return Standing(dict(teams.values_list("pk", "slug")), frozenset(policies))


def _teams(pin: Json, rules: rules_policy.Rules, known: Standing) -> dict[str, int]:
    """Slug to id for the teams the rules name: the ids pinned with the request, where they still exist."""
    by_slug = pin.get("teams") or {slug: pk for pk, slug in known.teams.items()}
    named = {rule.team for rule in rules.approvals if rule.team}
    return {slug: pk for slug, pk in by_slug.items() if slug in named and pk in known.teams}


def _vanished(pin: Json, rules: rules_policy.Rules, teams: dict[str, int], known: Standing) -> str:
    """What the request started with and is gone; "" when all of it stands. What is gone lets nobody in."""
    if "id" in pin and pin["id"] not in known.policies:
        return "The policy this request started with does not exist any more. Withdraw it and ask again."
    gone = sorted({rule.team for rule in rules.approvals if rule.team} - set(teams))
    if gone:
        return f"Its policy asks team {', '.join(gone)}, which does not exist any more. Withdraw it and ask again."
    return ""


def request(row: PromotionRequest, known: Standing | None = None) -> RequestFacts:
    """The facts of a request under the policy it was frozen with, not that of today.

    `known` is what the caller has read for many requests at once.
    """
    pin = row.evidence["policy"]
    rules = rules_policy.parse(pin["rules"])
    known = known or standing([row])
    teams = _teams(pin, rules, known)
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
        blocked=" ".join(filter(None, (_vanished(pin, rules, teams, known), evidence_policy.blocked(row.evidence)))),
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
    }


def evidence(*, endpoint: Endpoint, environment: Environment, candidate: ModelVersion, policy: Json) -> dict[str, Any]:
    """The evidence as it stands now for `candidate` on `endpoint`, which may be unsaved, under a pinned `policy`."""
    champion = endpoint.stable.version if endpoint.stable_id and endpoint.stable else None
    asked = rules_policy.parse(policy["rules"]).gates
    known = gate_facts.of(candidate, champion, asked)
    return evidence_policy.assemble(
        version=version(candidate),
        champion=version(champion) if champion else None,
        endpoint={
            "environment": environment.name,
            "name": endpoint.name,
            "alias": environment.alias if endpoint.primary else "",
        },
        policy=policy,
        gates=gates.answers(known, asked),
        evaluations=[{"number": one.number, "digest": one.digest} for one in known.evaluations.values()],
    )
