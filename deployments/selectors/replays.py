"""Reads past promotions as the facts a replay judges, in a number of queries that stays put."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Prefetch, QuerySet

from deployments.gates.facts import Evaluated, GateFacts
from deployments.models import Approval, Policy, PolicyVersion, PromotionRequest
from deployments.policies import replay
from deployments.policies import rules as rules_policy
from deployments.policies.rules import Rules
from deployments.selectors import facts as read
from deployments.selectors import gate_facts, policies
from registry.models import Evaluation, RiskTier

LIMIT = 200
LET_THROUGH = ("approved", "rolling_out", "promoted", "rolled_back", "failed")


def of(change: PolicyVersion) -> replay.Replay:
    """What the change would have made of the newest promotions its policy governs."""
    rules = rules_policy.parse(change.content)
    before = policies.authority(change).content if change.status in ("draft", "proposed") else _base(change)
    keys = {*before, *change.content}
    changed = [key for key in keys if before.get(key) != change.content.get(key)]
    rows = list(_rows(change.policy)[:LIMIT])
    known, evaluations = read.standing(rows), _evaluations(rows)
    past = [_past(row, rules, known, evaluations) for row in rows]
    return replay.run(rules, changed, past, policies.team_ids(rules))


def _base(change: PolicyVersion) -> dict[str, Any]:
    return dict(change.base.content) if change.base else {}


def _rows(policy: Policy) -> QuerySet[PromotionRequest]:
    """The requests that were let through, of models this policy holds for today, newest first."""
    rows = PromotionRequest.objects.filter(status__in=LET_THROUGH, endpoint__environment=policy.environment_id)
    given = Approval.objects.select_related("reviewer").prefetch_related("reviewer__role_grants")
    return (
        rows.filter(version__model__tier__in=_tiers(policy))
        .select_related("endpoint__environment", "version__model", "requester", "uploader")
        .prefetch_related(Prefetch("approvals", given), "bypasses")
        .order_by("-id")
    )


def _tiers(policy: Policy) -> list[str]:
    if policy.tier:
        return [policy.tier]
    own = {row.policy.tier for row in policies.all_in_force().get(policy.environment_id, [])}
    return [tier for tier in RiskTier.values if tier not in own]


def _evaluations(rows: Iterable[PromotionRequest]) -> dict[int, Evaluation]:
    numbers = {one["number"] for row in rows for one in row.evidence.get("evaluations", [])}
    found = Evaluation.objects.filter(pk__in=numbers).select_related("data__data_set", "baseline")
    return {row.pk: row for row in found}


def _past(
    row: PromotionRequest, rules: Rules, known: read.Standing, evaluations: Mapping[int, Evaluation]
) -> replay.Past:
    return replay.Past(
        number=row.pk,
        title=str(row.version),
        asked=row.created_at,
        facts=read.request(row, known, ()),
        answers={check["code"]: check for check in row.evidence.get("checks", [])},
        approvals=tuple(
            replay.Given(read.person(one.reviewer), one.at, one.step_up_method, one.rule)
            for one in row.approvals.all()
            if one.request_revision == row.revision and one.evidence_digest == row.evidence_digest
        ),
        known=_known(row, rules, evaluations),
    )


def _known(row: PromotionRequest, rules: Rules, evaluations: Mapping[int, Evaluation]) -> GateFacts:
    """The facts the evidence pinned: evaluations whose digest is still the pinned one, by the data a limit names."""
    pinned = [
        evaluations[one["number"]]
        for one in row.evidence.get("evaluations", [])
        if one["number"] in evaluations and evaluations[one["number"]].digest == one["digest"]
    ]
    champion = row.evidence.get("champion") or {}
    names = {str(limits["data"]) for limits in rules.gates.values() if "data" in limits}
    chosen = {name: _newest(pinned, name) for name in names}
    return GateFacts(
        version=row.version.number,
        model=row.version.model.name,
        champion=champion.get("number"),
        evaluations={name: found for name, found in chosen.items() if found is not None},
    )


def _newest(pinned: list[Evaluation], data: str) -> Evaluated | None:
    fitting = [row for row in pinned if not data or row.data.data_set.name == data]
    newest = max(fitting, key=lambda row: row.pk, default=None)
    return gate_facts.evaluated(newest) if newest else None
