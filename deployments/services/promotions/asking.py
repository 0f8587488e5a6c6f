"""Asking for a promotion: preview, submit, take back."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction

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
from deployments.services import endpoints, rollouts
from deployments.services.promotions import bypassed, frozen, settling
from portal.audit import recorder
from portal.core import clock, digests
from portal.core.actors import Actor
from portal.core.errors import NotFound, Refused
from portal.core.locking import lock
from portal.lifecycle.move import move
from registry.models import ModelVersion, RegisteredModel

CHECK_EVERY = timedelta(seconds=10)
ROLLS_OUT = (
    "Request #{number} is rolling out on this endpoint. Wait for its end, or ask to supersede it: all traffic then "
    "goes back to the champion first."
)
OPEN_EXISTS = "There is an open request for this endpoint already: #{number}. Decide or withdraw it first."


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
    evidence = _evidence(endpoint, where, found_version, plan)
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


def _evidence(endpoint: Endpoint, environment: Environment, candidate: ModelVersion, plan: str) -> dict[str, Any]:
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


@transaction.atomic
def submit(
    *,
    actor: Actor,
    model: str,
    version: int,
    environment: str,
    why: str,
    plan: str = "",
    supersede: bool = False,
) -> PromotionRequest:
    """Ask that a version become champion of the model's primary endpoint, which is made when there is none.

    Freezes the evidence under one digest. Where the rules ask for no approval the rollout starts at once. A request
    that rolls out already stands in the way unless this one is to `supersede` it: then its rollout is aborted first,
    and this one starts no sooner than all traffic has been seen back at the champion.
    """
    text = policy.why(why)
    found = preview(actor=actor, model=model, version=version, environment=environment, plan=plan)
    if found.missing:
        first = found.missing[0]
        raise Refused(f"{first.text} {first.how}".strip(), code=first.code, missing=[m.text for m in found.missing])
    if found.open_request is not None:
        _make_way(found, actor=actor, supersede=supersede)
    endpoint = found.endpoint
    if endpoint._state.adding:
        endpoint = endpoints.make(
            actor=actor, environment=found.environment, name=endpoint.name, model=found.version.model
        )
    endpoint = lock(Endpoint.objects.filter(pk=endpoint.pk))
    evidence = _evidence(endpoint, found.environment, found.version, plan)
    row = _insert(actor=actor, endpoint=endpoint, version=found.version, why=text, evidence=evidence)
    rollouts.hold(row, actor=actor)
    settling.after_freeze(row, actor=actor)
    return row


def _make_way(found: Preview, *, actor: Actor, supersede: bool) -> None:
    """Abort the rollout that the request asks to supersede; `Refused` for anything else that is open."""
    other = found.open_request
    assert other is not None
    if other.status != "rolling_out":
        raise Refused(OPEN_EXISTS.format(number=other.pk), code="open_request", open_request=other.pk)
    if not supersede:
        raise Refused(ROLLS_OUT.format(number=other.pk), code="rollout_active", open_request=other.pk)
    running = rollouts.active(found.endpoint)
    if running is None:
        raise Refused("That rollout has just ended. Look at it again, then decide.", code="rollout_ended")
    rollouts.supersede(actor=actor, number=running.pk, why=f"Superseded by a request for {found.version}")


def _insert(
    *, actor: Actor, endpoint: Endpoint, version: ModelVersion, why: str, evidence: dict[str, Any]
) -> PromotionRequest:
    now = clock.now()
    try:
        with transaction.atomic():
            row = PromotionRequest.objects.create(
                endpoint=endpoint,
                version=version,
                requester_id=frozen.person_of(actor),
                requested_through="" if actor.is_person else actor.label,
                uploader_id=version.registered_by_person_id,
                why=why,
                evidence=evidence,
                evidence_digest=digests.of_json(evidence),
                frozen_at=now,
                expires_at=now + timedelta(days=evidence["policy"]["rules"]["request_days"]),
                next_reconcile_at=now + CHECK_EVERY,
            )
    except IntegrityError as error:
        if "promotion_one_open" not in str(error):
            raise
        other = PromotionRequest.objects.filter(endpoint=endpoint).order_by("-pk").first()
        raise Refused(OPEN_EXISTS.format(number=other.pk if other else "?"), code="open_request") from error
    recorder.record(
        "promotion.submitted",
        actor=actor,
        subject=frozen.subject(row),
        data={
            "evidence_digest": row.evidence_digest,
            "digest": version.digest,
            "environment": str(endpoint.environment),
        },
        after={"status": row.status},
        reason=why,
    )
    return row


@transaction.atomic
def withdraw(*, actor: Actor, number: int, reason: str = "") -> PromotionRequest:
    """Take the request back before it rolls out."""
    row = frozen.locked(number, actor)
    policy.may_withdraw(actor, read.request(row)).require()
    move(
        row,
        "withdraw",
        actor=actor,
        reason=reason.strip()[:4000],
        decided_at=clock.now(),
        decision_note=reason.strip()[:4000],
    )
    rollouts.lift(row, actor=actor)
    bypassed.void(row, actor=actor, why="The request was withdrawn")
    return row
