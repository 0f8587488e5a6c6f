"""Rows turned into the plain facts that policies and evidence work on."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from django.db.models import FilteredRelation, Q

from deployments.gates import catalogue as gates
from deployments.models import Approval, Endpoint, Environment, Policy, PromotionRequest
from deployments.policies import conditions
from deployments.policies import evidence as evidence_policy
from deployments.policies import promotion as policy
from deployments.policies import rules as rules_policy
from deployments.policies import timing as timing_policy
from deployments.policies.conditions import Condition
from deployments.policies.freezes import Freeze
from deployments.policies.promotion import ApprovalFacts, PersonFacts, RequestFacts
from deployments.policies.rules import Rules
from deployments.policies.timing import Timing
from deployments.selectors import gate_facts, plans
from deployments.states import policy as policy_states
from portal.accounts.models import Person, Team
from portal.accounts.policies.mailboxes import mailbox
from portal.core.actors import Grant
from portal.lifecycle import catalogue
from registry.models import ModelVersion

Json = dict[str, Any]


def grants_of(person: Person) -> frozenset[Grant]:
    return frozenset(Grant(g.role, g.team_id) for g in person.role_grants.all())


def person(row: Person) -> PersonFacts:
    return PersonFacts(row.pk, str(row), row.is_active, grants_of(row), mailbox(row.email))


def team_ids(slugs: Collection[str]) -> dict[str, int]:
    return dict(Team.objects.filter(slug__in=slugs).values_list("slug", "pk")) if slugs else {}


@dataclass(frozen=True, slots=True)
class Standing:
    """What of all that the pinned policies of some requests name exists today; read once for many requests."""

    teams: dict[int, str]
    policies: frozenset[int]
    freezes: dict[tuple[int, str], tuple[Freeze, ...]]
    """The calendars in force, by environment and risk tier ("" for tiers without one of their own)."""
    changers: dict[int, Person]
    """The people who changed the evidence of some of the requests while these were open."""


def standing(rows: Collection[PromotionRequest]) -> Standing:
    """The teams and policies these requests rest on, and the calendars, as they stand now."""
    pins = [row.evidence["policy"] for row in rows]
    slugs = {slug for pin in pins for slug in rules_policy.parse(pin["rules"]).teams}
    pinned = {team for pin in pins for team in pin.get("teams", {}).values()}
    teams = Team.objects.filter(Q(slug__in=slugs) | Q(pk__in=pinned)) if slugs else Team.objects.none()
    ids = {pin["id"] for pin in pins if "id" in pin}
    found = _policies(ids, {row.endpoint.environment_id for row in rows})
    calendars = {(where, tier): rules_policy.parse(held).freezes for _, where, tier, held in found if held}
    hands = {one["person"] for row in rows for one in row.changers}
    people = Person.objects.in_bulk(hands) if hands else {}
    return Standing(dict(teams.values_list("pk", "slug")), frozenset(pk for pk, *_ in found), calendars, people)


def _policies(ids: Collection[int], environments: Collection[int]) -> list[tuple[int, int, str, Json | None]]:
    """Policies by id or environment: id, environment, tier and the content in force (None without one)."""
    in_force = FilteredRelation("versions", condition=Q(versions__status=policy_states.IN_FORCE))
    rows = Policy.objects.filter(Q(pk__in=ids) | Q(environment__in=environments)).annotate(held=in_force)
    return list(rows.order_by("pk").values_list("pk", "environment_id", "tier", "held__content"))


def _teams(pin: Json, rules: rules_policy.Rules, known: Standing) -> dict[str, int]:
    """Slug to id for the teams the rules name: the ids pinned with the request, where they still exist."""
    by_slug = pin.get("teams") or {slug: pk for pk, slug in known.teams.items()}
    return {slug: pk for slug, pk in by_slug.items() if slug in rules.teams and pk in known.teams}


def _vanished(pin: Json, rules: rules_policy.Rules, teams: dict[str, int], known: Standing) -> str:
    """What the request started with and is gone; "" when all of it stands. What is gone lets nobody in."""
    if "id" in pin and pin["id"] not in known.policies:
        return "The policy this request started with does not exist any more. Withdraw it and ask again."
    gone = sorted({rule.team for rule in rules.approvals if rule.team} - set(teams))
    if gone:
        return f"Its policy asks team {', '.join(gone)}, which does not exist any more. Withdraw it and ask again."
    return ""


def in_the_way(row: PromotionRequest, known: Standing | None = None, past: Collection[str] = ()) -> str:
    """Why nobody can approve: what vanished, and the checks that no bypass of the gates in `past` leads past."""
    pin, known = row.evidence["policy"], known or standing([row])
    rules = rules_policy.parse(pin["rules"])
    gone = _vanished(pin, rules, _teams(pin, rules, known), known)
    return " ".join(filter(None, (gone, evidence_policy.blocked(row.evidence, past=past))))


def request(
    row: PromotionRequest, known: Standing | None = None, pool: Iterable[PersonFacts] | None = None
) -> RequestFacts:
    """The facts of a request under the policy it was frozen with, not that of today.

    `known`, and `pool`, the people who might decide, are what the caller has read for many requests at once.
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
        blocked=in_the_way(row, known, past=granted(row)),
        barred=_barred(row, known, _holders(rules) if pool is None else pool),
        plan=tuple(row.evidence["plan"]["steps"]),
        freezes_today=_calendar(row, known),
    )


def _holders(rules: Rules) -> list[PersonFacts]:
    """Active people with a role that some rule names."""
    roles = {rule.role for rule in (*rules.approvals, *(rules.bypass.by if rules.bypass else ()))}
    found = Person.objects.filter(is_active=True, role_grants__role__in=roles).distinct() if roles else []
    return [PersonFacts(p.pk, str(p), True, frozenset(), mailbox(p.email)) for p in found]


def _barred(row: PromotionRequest, known: Standing, pool: Iterable[PersonFacts]) -> dict[int, str]:
    """Who can no more approve than requester and uploader, and why: those who changed the evidence while the request
    was open, and other accounts of the same humans."""
    changed = [(known.changers[one["person"]], str(one["did"])) for one in row.changers]
    parts = [(row.requester, "asked for it"), *changed]
    parts += [(row.uploader, "registered the version")] if row.uploader else []
    found = twins(parts, pool) | {own.pk: did for own, did in changed}
    return {pk: f"{why}, so cannot approve it" for pk, why in found.items()}


def twins(parts: Iterable[tuple[Person, str]], pool: Iterable[PersonFacts]) -> dict[int, str]:
    """Accounts of the pool that share the mailbox of somebody who had a part, and which part that was."""
    people = list(pool)
    return {
        person.person_id: f"shares the mailbox of {own}, who {did}"
        for own, did in parts
        for person in people
        if person.person_id != own.pk and person.mailbox == mailbox(own.email)
    }


def granted(row: PromotionRequest) -> list[str]:
    """The gates that a granted bypass leads past, if it was granted on the evidence that stands now."""
    found = row.bypasses.all()
    return [
        code
        for bypass in found
        if bypass.status == "granted" and bypass.evidence_digest == row.evidence_digest
        for code in bypass.gates
    ]


def approvals(row: PromotionRequest) -> list[ApprovalFacts]:
    """All approvals ever given to the request; the verdict says which count."""
    given = Approval.objects.filter(request=row).select_related("reviewer").prefetch_related("reviewer__role_grants")
    return [approval(one) for one in given]


def conditions_of(row: PromotionRequest) -> list[Condition]:
    """The conditions a rollout of the request has to keep; it asks `conditions.allows` before each step."""
    facts = request(row)
    current = [a for a in policy.unlifted(approvals(row), facts) if a.evidence_digest == row.evidence_digest]
    return [a.condition for a in current if a.condition]


def approval(row: Approval) -> ApprovalFacts:
    condition = conditions.parse(row.condition)
    return ApprovalFacts(person(row.reviewer), row.at, row.evidence_digest, row.request_revision, condition)


def reviewers(facts: RequestFacts) -> list[PersonFacts]:
    """Active people who hold a role that some rule of the request names."""
    roles = {rule.role for rule in facts.rules.approvals}
    found = Person.objects.filter(is_active=True, role_grants__role__in=roles).distinct()
    return [person(p) for p in found.order_by("name").prefetch_related("role_grants")]


def _calendar(row: PromotionRequest, known: Standing) -> tuple[Freeze, ...]:
    environment, tier = row.endpoint.environment_id, row.version.model.tier
    own = (environment, tier) in known.freezes
    return known.freezes.get((environment, tier if own else ""), ())


def timing(
    row: PromotionRequest,
    facts: RequestFacts,
    given: Collection[ApprovalFacts],
    now: datetime,
    skip: Collection[str] = (),
) -> Timing:
    """What holds an approved request back by the clock; of one still under review, if it were approved now."""
    counting = [a.at for a in given if a.revision == row.revision and a.evidence_digest == row.evidence_digest]
    since = max([row.frozen_at, *counting]) if row.status == "approved" else now
    return timing_policy.of(facts.rules, facts.freezes, since=since, now=now, skip=skip)


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


def evidence(
    *,
    endpoint: Endpoint,
    environment: Environment,
    candidate: ModelVersion,
    policy: Json,
    plan: Mapping[str, Any] = MappingProxyType({}),
    limits: Mapping[str, int] = MappingProxyType({}),
) -> dict[str, Any]:
    """The evidence as it stands now for `candidate` on `endpoint`, which may be unsaved, under a pinned `policy`.

    `plan` is a pinned plan, or names one; nothing stands for all at once. `limits` are those
    it is to run under.
    """
    champion = endpoint.stable.version if endpoint.stable_id and endpoint.stable else None
    asked = rules_policy.parse(policy["rules"]).gates
    known = gate_facts.of(endpoint, candidate, champion, asked)
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
        plan=plans.pinned_again(plan, first=champion is None),
        limits=limits,
        former_limits=endpoint.stable.limits if endpoint.stable_id and endpoint.stable else {},
    )
