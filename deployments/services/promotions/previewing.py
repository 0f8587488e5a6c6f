"""What a request for a promotion would rest on, before it is sent, and what it still lacks."""

from dataclasses import dataclass, field
from typing import Any

from deployments.engine import plans, ready_made, wording
from deployments.models import Endpoint, Environment, PromotionRequest
from deployments.policies import asking as policy
from deployments.policies import rollback_freeze as freeze
from deployments.policies import rules as rules_policy
from deployments.policies import timing as timing_policy
from deployments.policies.timing import FREE, Timing
from deployments.selectors import facts as read
from deployments.selectors import plans as plans_known
from deployments.selectors import policies
from deployments.services import endpoints
from portal.core import clock, digests
from portal.core.actors import Actor
from portal.core.errors import NotFound
from registry.models import ModelVersion, RegisteredModel


@dataclass(frozen=True, slots=True)
class Missing:
    """Something a request needs before it can be sent, and how to get it: by another plan, where `by_plan`."""

    code: str
    text: str
    how: str = ""
    by_plan: bool = False


@dataclass(frozen=True, slots=True)
class Preview:
    """What a request would rest on, before it is sent. `by_clock` are the waiting time and the freezes as checks."""

    environment: Environment
    endpoint: Endpoint
    version: ModelVersion
    evidence: dict[str, Any]
    evidence_digest: str
    missing: list[Missing] = field(default_factory=list)
    open_request: PromotionRequest | None = None
    timing: Timing = FREE
    by_clock: list[dict[str, Any]] = field(default_factory=list)

    @property
    def possible(self) -> bool:
        return not self.missing and (self.open_request is None or self.rolls_out)

    @property
    def askable(self) -> bool:
        """Whether it is possible, or another plan could make it so."""
        return all(one.by_plan for one in self.missing) and (self.open_request is None or self.rolls_out)

    @property
    def rolls_out(self) -> bool:
        """Whether another request is rolling out, which this one can supersede."""
        return self.open_request is not None and self.open_request.status == "rolling_out"

    @property
    def plan(self) -> str:
        """The name of the plan it would be carried out by."""
        return str(self.evidence["plan"].get("name", ready_made.AT_ONCE))

    @property
    def plan_version(self) -> int | None:
        """The version of that plan; None for what happens at once anyway."""
        found: int | None = self.evidence["plan"].get("version")
        return found


def candidate(model: RegisteredModel, number: int) -> ModelVersion:
    """A version of the model; `NotFound` where there is none of the number."""
    row = ModelVersion.objects.filter(model=model, number=number, deleted_at=None).select_related("model").first()
    if row is None:
        raise NotFound(f"{model.name} has no version {number}.")
    return row


def preview(*, actor: Actor, model: str, version: int, environment: str, plan: str = "") -> Preview:
    """What would change, on what evidence, and what is still missing. Writes nothing.

    `plan` names a rollout plan; without one it is the environment's, or all at once.
    """
    where = endpoints.find_environment(environment)
    what = endpoints.find_model(actor=actor, name=model)
    found_version = candidate(what, version)
    policy.may_submit(actor, what.team_id).require()
    found = (
        Endpoint.objects.filter(environment=where, model=what, primary=True)
        .select_related("stable__version__model", "team", "environment")
        .first()
    )
    endpoint = found or Endpoint(
        environment=where, name=endpoints.default_name(what), model=what, team=what.team, primary=True
    )
    evidence = evidence_of(endpoint, where, found_version, plan)
    open_request = (
        PromotionRequest.objects.filter(
            endpoint=found, status__in=["pending_review", "changes_requested", "approved", "rolling_out"]
        ).first()
        if found
        else None
    )
    rules, now = rules_policy.parse(evidence["policy"]["rules"]), clock.now()
    held = timing_policy.of(rules, rules.freezes, since=now, now=now)
    return Preview(
        environment=where,
        endpoint=endpoint,
        version=found_version,
        evidence=evidence,
        evidence_digest=digests.of_json(evidence),
        missing=[
            *_frozen(actor, endpoint),
            *_missing(found_version, endpoint),
            *misfits(found_version, evidence),
        ],
        open_request=open_request,
        timing=held,
        by_clock=timing_policy.checks(rules, rules.freezes, held, approved=False),
    )


def evidence_of(endpoint: Endpoint, environment: Environment, candidate: ModelVersion, plan: str) -> dict[str, Any]:
    """The evidence under the policy in force for the model's risk tier and the limits that the endpoint is set to; the
    request keeps these and the plan."""
    held = policies.pin(policies.in_force(environment.pk, candidate.model.tier))
    return read.evidence(
        endpoint=endpoint,
        environment=environment,
        candidate=candidate,
        policy=held,
        plan=plans_known.named(plan or environment.plan or ready_made.AT_ONCE),
        limits=endpoint.serving.limits if endpoint.serving else {},
    )


def misfits(candidate: ModelVersion, evidence: dict[str, Any]) -> list[Missing]:
    """Why the plan of this evidence cannot be carried out for this version under its policy."""
    return [*_too_long(evidence), *_side_effects(candidate, evidence)]


def _side_effects(candidate: ModelVersion, evidence: dict[str, Any]) -> list[Missing]:
    """A version that does something besides answering must not do it for callers who never asked it, nor twice."""
    shadows = any(step["do"] == "shadow" for step in evidence["plan"]["steps"])
    hedges = bool(evidence.get("limits", {}).get("hedge_ms"))
    text = policy.acts_unasked(candidate.short_name, candidate.tags, shadows=shadows, hedges=hedges)
    ways_out = [*["Choose a plan without a shadow."] * shadows, *["Set hedging of the endpoint to 0."] * hedges]
    return [Missing("side_effects", text, " ".join(ways_out), by_plan=not hedges)] if text else []


def _frozen(actor: Actor, endpoint: Endpoint) -> list[Missing]:
    """What a rollback left in the way of programs."""
    found = freeze.may_ask(actor, endpoint.frozen_since, str(endpoint))
    return [] if found else [Missing(found.code, found.reason)]


def _too_long(evidence: dict[str, Any]) -> list[Missing]:
    """A plan with a step that outlasts the approvals it rests on."""
    rules = rules_policy.parse(evidence["policy"]["rules"])
    longest = plans.longest_wait(plans.of_pinned(evidence["plan"]["steps"]))
    if longest <= rules.approval_hours * 3600:
        return []
    text = f"A step of the plan can last {wording.seconds(longest)}, and approvals count for {rules.approval_hours} h."
    return [Missing("plan_too_long", text, "Choose a plan with shorter steps.", by_plan=True)]


def _missing(candidate: ModelVersion, endpoint: Endpoint) -> list[Missing]:
    found = []
    if candidate.status in ("registered", "validating"):
        found.append(
            Missing(
                "not_validated", "The version is still being validated.", "Wait a moment, then load this page again."
            )
        )
    elif candidate.status != "ready":
        found.append(
            Missing(
                "not_ready",
                f"The version is {candidate.get_status_display().lower()}. {candidate.status_note}".strip(),
                "Register a new version.",
            )
        )
    elif not candidate.signature.get("inputs"):
        found.append(
            Missing(
                "no_signature",
                "The version has no signature, so calls could not be checked.",
                "Log the model again with signature=infer_signature(inputs, outputs).",
            )
        )
    if endpoint.stable_id and endpoint.stable and endpoint.stable.version_id == candidate.pk:
        found.append(Missing("serves_already", "This version serves here already.", "Choose another version."))
    return found
