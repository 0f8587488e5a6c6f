"""Promotion requests: asking, deciding, withdrawing. What a person approves is pinned by digest."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction

from deployments.models import Approval, Endpoint, Environment, PromotionComment, PromotionRequest
from deployments.policies import promotion as policy
from deployments.policies.promotion import Verdict
from deployments.selectors import facts as read
from deployments.services import endpoints, rollouts, tell
from portal.accounts import stepup
from portal.accounts.models import Person
from portal.audit import recorder
from portal.audit.recorder import Subject
from portal.core import actors, clock, digests, work
from portal.core.actors import Actor
from portal.core.errors import BadInput, NotFound, PortalError, Refused, Stale
from portal.core.locking import lock
from portal.lifecycle.move import move
from registry.models import ModelVersion

CHECK_EVERY = timedelta(seconds=10)
OPEN_EXISTS = "There is an open request for this endpoint already: #{number}. Decide or withdraw it first."


@dataclass(frozen=True, slots=True)
class Missing:
    """Something a request needs before it can be sent, and how to get it."""

    code: str
    text: str
    how: str = ""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a request would rest on, before it is sent."""

    environment: Environment
    endpoint: Endpoint
    version: ModelVersion
    evidence: dict[str, Any]
    evidence_digest: str
    missing: list[Missing] = field(default_factory=list)
    open_request: PromotionRequest | None = None

    @property
    def possible(self) -> bool:
        return not self.missing and self.open_request is None


def binding(number: int, evidence_digest: str, decision: str) -> str:
    """What a step-up is bound to: this decision on this evidence of this request."""
    return digests.of_json({"promotion": number, "evidence_digest": evidence_digest, "decision": decision})


def subject(row: PromotionRequest) -> Subject:
    return Subject.of("promotion_request", row.pk, str(row))


def find(*, actor: Actor, number: int) -> PromotionRequest:
    """The request, if the actor may see it; `NotFound` otherwise."""
    row = (
        PromotionRequest.objects.select_related(
            "endpoint__environment",
            "endpoint__team",
            "endpoint__stable__version",
            "version__model",
            "requester",
            "uploader",
        )
        .filter(pk=number)
        .first()
    )
    if row is None or not policy.may_view(actor, read.request(row)):
        raise NotFound(endpoints.MISSING)
    return row


def preview(*, actor: Actor, model: str, version: int, environment: str) -> Preview:
    """What would change, on what evidence, and what is still missing. Writes nothing."""
    where = endpoints.find_environment(environment)
    what = endpoints.find_model(actor=actor, name=model)
    candidate = ModelVersion.objects.filter(model=what, number=version, deleted_at=None).select_related("model").first()
    if candidate is None:
        raise NotFound(f"{model} has no version {version}.")
    policy.may_submit(actor, what.team_id).require()
    found = (
        Endpoint.objects.filter(environment=where, model=what, primary=True)
        .select_related("stable__version__model", "team", "environment")
        .first()
    )
    endpoint = found or Endpoint(
        environment=where, name=endpoints.default_name(what), model=what, team=what.team, primary=True
    )
    evidence = read.evidence(endpoint=endpoint, environment=where, candidate=candidate)
    open_request = (
        PromotionRequest.objects.filter(
            endpoint=found, status__in=["pending_review", "changes_requested", "approved", "rolling_out"]
        ).first()
        if found
        else None
    )
    return Preview(
        where, endpoint, candidate, evidence, digests.of_json(evidence), _missing(candidate, endpoint), open_request
    )


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
def submit(*, actor: Actor, model: str, version: int, environment: str, why: str) -> PromotionRequest:
    """Ask that a version become champion of the model's primary endpoint, which is made when there is none.

    Freezes the evidence under one digest. Where the rules ask for no approval the rollout starts at once.
    """
    text = why.strip()
    if not 3 <= len(text) <= 4000:
        raise BadInput(
            "Say why, in 3 to 4,000 characters. Reviewers read it first.", fields={"why": "3 to 4,000 characters"}
        )
    found = preview(actor=actor, model=model, version=version, environment=environment)
    if found.missing:
        first = found.missing[0]
        raise Refused(f"{first.text} {first.how}", code=first.code, missing=[m.text for m in found.missing])
    if found.open_request is not None:
        raise Refused(
            OPEN_EXISTS.format(number=found.open_request.pk), code="open_request", open_request=found.open_request.pk
        )
    endpoint = found.endpoint
    if endpoint._state.adding:
        endpoint = endpoints.make(
            actor=actor, environment=found.environment, name=endpoint.name, model=found.version.model
        )
    endpoint = lock(Endpoint.objects.filter(pk=endpoint.pk))
    evidence = read.evidence(endpoint=endpoint, environment=found.environment, candidate=found.version)
    row = _insert(actor=actor, endpoint=endpoint, version=found.version, why=text, evidence=evidence)
    rollouts.hold(row, actor=actor)
    _after_freeze(row, actor=actor)
    return row


def _insert(
    *, actor: Actor, endpoint: Endpoint, version: ModelVersion, why: str, evidence: dict[str, Any]
) -> PromotionRequest:
    now = clock.now()
    try:
        with transaction.atomic():
            row = PromotionRequest.objects.create(
                endpoint=endpoint,
                version=version,
                requester_id=_person_of(actor),
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
        subject=subject(row),
        data={
            "evidence_digest": row.evidence_digest,
            "digest": version.digest,
            "environment": str(endpoint.environment),
        },
        after={"status": row.status},
        reason=why,
    )
    return row


def _person_of(actor: Actor) -> int:
    if actor.person_id is None:
        raise Refused("A request needs a person behind it.", code="no_person")
    return actor.person_id


def _after_freeze(row: PromotionRequest, *, actor: Actor) -> None:
    """Tell those who can decide; where nobody needs to, go on at once."""
    facts = read.request(row)
    if facts.rules.approvals:
        tell.reviewers(row, facts)
    else:
        advance_if_satisfied(row, actor=actor)


def _locked(number: int, actor: Actor) -> PromotionRequest:
    """The request under lock, its endpoint locked first (lock order)."""
    seen = find(actor=actor, number=number)
    lock(Endpoint.objects.filter(pk=seen.endpoint_id))
    return lock(PromotionRequest.objects.filter(pk=number))


def _current(row: PromotionRequest, seen: str) -> None:
    """Raise `Stale` unless the actor decided on the evidence that stands now and is still true."""
    if row.evidence_digest != seen:
        raise Stale(
            "The evidence changed while you were looking, so this decision was not taken. "
            "Read the new evidence and decide again.",
            code="evidence_changed",
            evidence_digest=row.evidence_digest,
        )
    if digests.of_json(_evidence_now(row)) != row.evidence_digest:
        look_again(row)
        raise Stale(
            "What the evidence describes has changed since it was frozen. "
            "It is being frozen anew; load the page again in a few seconds.",
            code="evidence_outdated",
        )


def _evidence_now(row: PromotionRequest) -> dict[str, Any]:
    """The evidence as it would be frozen now, under the rules the request started with."""
    environment = Environment(
        name=row.endpoint.environment.name,
        alias=row.endpoint.environment.alias,
        rules=row.evidence["policy"]["rules"],
        rules_version=row.evidence["policy"]["rules_version"],
    )
    endpoint = Endpoint.objects.select_related("stable__version__model").get(pk=row.endpoint_id)
    version = ModelVersion.objects.select_related("model").get(pk=row.version_id)
    return read.evidence(endpoint=endpoint, environment=environment, candidate=version)


def look_again(row: PromotionRequest) -> None:
    """Have the reconciler look at the request now, even if this transaction is undone."""
    work.ring("deployments.promotion", row.pk)


def verdict(row: PromotionRequest, *, now: datetime | None = None) -> Verdict:
    """The policy's answer on the approvals as they stand."""
    facts = read.request(row)
    return policy.verdict(facts, read.approvals(row), read.reviewers(facts), now or clock.now())


def _refusing(error: PortalError, verb: str, row: PromotionRequest, actor: Actor) -> PortalError:
    return recorder.refusing(error, verb, actor=actor, subject=subject(row), evidence_digest=row.evidence_digest)


def _may_decide(actor: Actor, row: PromotionRequest, verb: str) -> policy.RequestFacts:
    facts = read.request(row)
    try:
        policy.may_decide(actor, facts).require()
    except PortalError as error:
        raise _refusing(error, verb, row, actor) from None
    return facts


@transaction.atomic
def approve(*, actor: Actor, number: int, seen: str, comment: str = "") -> PromotionRequest:
    """Approve on exactly the evidence `seen`. Needs a step-up bound to this decision, at most five minutes old.

    The last approval that the rules ask for starts the rollout in the same transaction.
    """
    row = _locked(number, actor)
    facts = _may_decide(actor, row, "promotion.approved")
    _pending(row)
    _current(row, seen)
    rule = _fills(actor, row, facts)
    proof = stepup.consume(actor=actor, binding=binding(number, seen, "approve"), methods=facts.rules.step_up)
    Approval.objects.create(
        request=row,
        request_revision=row.revision,
        reviewer_id=_person_of(actor),
        rule=rule,
        evidence_digest=seen,
        rules_version=row.evidence["policy"]["rules_version"],
        step_up_at=proof.at,
        step_up_method=proof.method,
        comment=comment.strip()[:4000],
        requester_id=row.requester_id,
        uploader_id=row.uploader_id,
    )
    recorder.record(
        "promotion.approved",
        actor=actor,
        subject=subject(row),
        data={
            "evidence_digest": seen,
            "rule": rule,
            "digest": row.version.digest,
            "rules_version": row.evidence["policy"]["rules_version"],
            "step_up_at": proof.at.isoformat(),
            "step_up_method": proof.method,
        },
        reason=comment.strip(),
    )
    return advance_if_satisfied(row, actor=actor)


def missing_for_approval(*, actor: Actor, number: int, seen: str) -> list[str]:
    """What an approval would still lack, in words; empty when it could be given now. Writes nothing."""
    row = find(actor=actor, number=number)
    found: list[str] = []
    facts = read.request(row)
    decision = policy.may_decide(actor, facts)
    if not decision:
        return [decision.reason]
    try:
        _pending(row)
        _current(row, seen)
        _fills(actor, row, facts)
    except PortalError as error:
        found.append(error.message)
    if not stepup.present(actor=actor, binding=binding(number, seen, "approve"), methods=facts.rules.step_up):
        found.append(f"A fresh second look at you by {' or '.join(facts.rules.step_up)}, bound to this evidence.")
    return found + [f"After yours: {text}" for text in _after_yours(actor, row, facts)]


def _after_yours(actor: Actor, row: PromotionRequest, facts: policy.RequestFacts) -> list[str]:
    person = next((p for p in read.reviewers(facts) if p.person_id == actor.person_id), None)
    if person is None:
        return []
    yours = policy.ApprovalFacts(person, clock.now(), row.evidence_digest, row.revision)
    return list(policy.verdict(facts, [*read.approvals(row), yours], read.reviewers(facts), clock.now()).missing)


def _pending(row: PromotionRequest) -> None:
    if row.status != "pending_review":
        raise Refused(
            f"This request is {row.get_status_display().lower()}, so there is nothing to decide.", code="not_pending"
        )


def _fills(actor: Actor, row: PromotionRequest, facts: policy.RequestFacts) -> str:
    """The rule the actor's approval will be counted for; `Refused` when it would fill none."""
    approvals = [
        a for a in read.approvals(row) if a.revision == row.revision and a.evidence_digest == row.evidence_digest
    ]
    if any(a.person.person_id == actor.person_id for a in approvals):
        raise Refused("You have approved this request already.", code="approved_already")
    rule = policy.rule_for(actor.grants, facts, [a.person for a in approvals])
    if rule is None:
        raise Refused("The rules you could fill are filled already. Others have to decide.", code="rule_filled")
    return rule.name


def advance_if_satisfied(row: PromotionRequest, *, actor: Actor) -> PromotionRequest:
    """When the rules are met, approve in full and start the rollout, in the caller's transaction."""
    if row.status == "pending_review" and verdict(row).satisfied:
        system = actors.system("the last rule was met", via=actor.via, request_id=actor.request_id)
        move(row, "approve", actor=system, decided_at=clock.now())
        _start(row, actor=system)
    return row


def _start(row: PromotionRequest, *, actor: Actor) -> None:
    """Start the rollout, or leave the request approved when another rollout of the endpoint has to end first."""
    if rollouts.active(row.endpoint) is None:
        rollouts.start(row, actor=actor)
        tell.decided(row, "was approved and is rolling out")


@transaction.atomic
def request_changes(*, actor: Actor, number: int, seen: str, comment: str) -> PromotionRequest:
    """Send the request back to who asked, with what has to change."""
    return _decide(actor, number, seen, comment, "request_changes", "promotion.changes_requested")


@transaction.atomic
def reject(*, actor: Actor, number: int, seen: str, comment: str) -> PromotionRequest:
    """Close the request for good."""
    return _decide(actor, number, seen, comment, "reject", "promotion.rejected")


def _decide(actor: Actor, number: int, seen: str, comment: str, event: str, verb: str) -> PromotionRequest:
    text = _reason(comment)
    row = _locked(number, actor)
    _may_decide(actor, row, verb)
    _pending(row)
    if row.evidence_digest != seen:
        _current(row, seen)
    move(
        row,
        event,
        actor=actor,
        reason=text,
        data={"evidence_digest": seen},
        decision_note=text,
        decided_at=clock.now(),
    )
    if event == "reject":
        rollouts.lift(row, actor=actor)
    tell.decided(row, "was rejected" if event == "reject" else "needs changes")
    return row


def _reason(text: str) -> str:
    cleaned = text.strip()
    if not 3 <= len(cleaned) <= 4000:
        raise BadInput("Give the reason in 3 to 4,000 characters.", fields={"comment": "3 to 4,000 characters"})
    return cleaned


@transaction.atomic
def withdraw(*, actor: Actor, number: int, reason: str = "") -> PromotionRequest:
    """Take the request back before it rolls out."""
    row = _locked(number, actor)
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
    return row


@transaction.atomic
def resubmit(*, actor: Actor, number: int, why: str) -> PromotionRequest:
    """Send a request that needed changes again: the evidence is frozen anew, and earlier approvals do not count."""
    text = why.strip()
    if not 3 <= len(text) <= 4000:
        raise BadInput("Say what changed, in 3 to 4,000 characters.", fields={"why": "3 to 4,000 characters"})
    row = _locked(number, actor)
    policy.may_resubmit(actor, read.request(row)).require()
    evidence, now = _evidence_now(row), clock.now()
    digest = digests.of_json(evidence)
    move(
        row,
        "resubmit",
        actor=actor,
        reason=text,
        data={"evidence_digest": digest, "revision": row.revision + 1},
        why=text,
        revision=row.revision + 1,
        evidence=evidence,
        evidence_digest=digest,
        frozen_at=now,
        expires_at=now + timedelta(days=evidence["policy"]["rules"]["request_days"]),
    )
    _after_freeze(row, actor=actor)
    return row


@transaction.atomic
def comment(*, actor: Actor, number: int, text: str) -> PromotionComment:
    """Add a comment; comments are never part of what is signed."""
    row = find(actor=actor, number=number)
    policy.may_comment(actor, read.request(row)).require()
    cleaned = text.strip()
    if not 1 <= len(cleaned) <= 8000:
        raise BadInput("Write 1 to 8,000 characters.", fields={"text": "1 to 8,000 characters"})
    found = PromotionComment.objects.create(
        request=row,
        author=Person.objects.filter(pk=actor.person_id).first() if actor.person_id else None,
        author_label=actor.label,
        text=cleaned,
    )
    recorder.record(
        "promotion.commented", actor=actor, subject=subject(row), data={"comment": found.pk}, reason=cleaned
    )
    tell.commented(row, found)
    return found


def void(row: PromotionRequest, *, actor: Actor, why: str) -> PromotionRequest:
    """Freeze the evidence anew and let the approvals given so far lapse, visibly. In the caller's transaction."""
    evidence = _evidence_now(row)
    digest = digests.of_json(evidence)
    move(
        row,
        "void",
        actor=actor,
        data={"why": why, "revision": row.revision + 1, "evidence_digest": digest},
        revision=row.revision + 1,
        evidence=evidence,
        evidence_digest=digest,
        frozen_at=clock.now(),
    )
    tell.voided(row, why)
    return row


@transaction.atomic
def settle(number: int) -> PromotionRequest:
    """What the system owes an open request: let it expire, void it when it is no longer true, or start it."""
    row = PromotionRequest.objects.get(pk=number)
    lock(Endpoint.objects.filter(pk=row.endpoint_id))
    row = lock(PromotionRequest.objects.filter(pk=number))
    if row.status not in ("pending_review", "changes_requested", "approved"):
        return row
    now = clock.now()
    if row.expires_at <= now:
        move(row, "expire", actor=actors.system("its time had passed"), decided_at=now)
        rollouts.lift(row, actor=actors.system("its time had passed"))
        tell.decided(row, "expired")
    elif row.status != "changes_requested" and digests.of_json(_evidence_now(row)) != row.evidence_digest:
        void(row, actor=actors.system("the evidence changed"), why=_what_changed(row))
    elif row.status == "approved" and not verdict(row, now=now).satisfied:
        void(row, actor=actors.system("the approvals lapsed"), why="The approvals no longer fill the rules")
    elif row.status == "approved":
        _start(row, actor=actors.system("approved, and the way is free"))
    return row


def _what_changed(row: PromotionRequest) -> str:
    now = _evidence_now(row)
    parts = [key for key in now if now[key] != row.evidence.get(key)]
    champion = now.get("champion") or {}
    if "champion" in parts:
        return f"The champion is now {'v' + str(champion['number']) if champion else 'gone'}"
    return f"Changed: {', '.join(sorted(parts))}"
