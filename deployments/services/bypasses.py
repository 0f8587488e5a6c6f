"""Bypasses of gates: asking for one, granting it, refusing it, taking it back, reviewing what it was used for."""

from datetime import timedelta

from django.db import transaction

from deployments.models import Bypass, BypassGrant, Endpoint, PromotionRequest
from deployments.policies import bypass as policy
from deployments.policies import promotion as promotion_policy
from deployments.policies.rules import BypassRule, labels
from deployments.selectors import bypass_facts as read
from deployments.selectors import facts as request_facts
from deployments.services import promotions, tell_bypass
from deployments.services.promotions import frozen
from deployments.states import bypass as states
from portal.accounts import stepup
from portal.audit import recorder
from portal.audit.recorder import Subject
from portal.core import actors, clock, digests
from portal.core.actors import Actor
from portal.core.decisions import Decision
from portal.core.errors import BadInput, Conflict, NotFound, PortalError, Refused, Stale, gathered
from portal.core.locking import lock
from portal.lifecycle.move import move

CHASE = timedelta(hours=6)


def subject(row: Bypass) -> Subject:
    return Subject.of("bypass", row.pk, str(row))


def binding(row: Bypass) -> str:
    """What a step-up is bound to: this bypass, past these gates, on this evidence."""
    what = {"bypass": row.pk, "evidence_digest": row.evidence_digest, "gates": row.gates, "decision": "grant"}
    return digests.of_json(what)


def find(*, actor: Actor, number: int) -> Bypass:
    """The bypass, if the actor may see its promotion request; `NotFound` otherwise."""
    rows = Bypass.objects.select_related("request__endpoint__environment", "request__version__model", "asker")
    row = rows.filter(pk=number).first()
    if row is None:
        raise NotFound("This bypass does not exist, or you may not see it.")
    promotions.find(actor=actor, number=row.request_id)
    return row


def _locked(number: int, actor: Actor) -> Bypass:
    """The bypass under lock, its endpoint and request locked first (lock order)."""
    seen = find(actor=actor, number=number)
    frozen.locked(seen.request_id, actor)
    return lock(Bypass.objects.filter(pk=number))


@transaction.atomic
def ask(*, actor: Actor, number: int, seen: str, gates: list[str], reason: str, hours: int | None = None) -> Bypass:
    """Ask to carry out request `number` past these gates, on the evidence `seen`, for so many hours at most.

    Each gate named must be in the way now, and the request's rules must let somebody bypass it.
    """
    text = frozen.reason(reason, "reason")
    row = frozen.locked(number, actor)
    facts = request_facts.request(row)
    _allowed(actor, frozen.subject(row), policy.may_ask(actor, facts), "bypass.asked")
    rule = policy.rule_of(facts)
    frozen.current(row, seen)
    none_overdue(row.endpoint)
    if Bypass.objects.filter(request=row, status__in=states.OPEN).exists():
        raise Conflict("There is an open bypass for this request already. Withdraw it to ask for another one.")
    codes, lasts = gathered(lambda: _named(row, rule, gates), lambda: _hours(rule, hours))
    expires_at = clock.now() + timedelta(hours=lasts)
    made = Bypass.objects.create(
        request=row,
        request_revision=row.revision,
        evidence_digest=row.evidence_digest,
        gates=codes,
        reason=text,
        asker_id=frozen.person_of(actor),
        asked_through="" if actor.is_person else actor.label,
        requester_id=row.requester_id,
        uploader_id=row.uploader_id,
        expires_at=expires_at,
        next_reconcile_at=expires_at,
    )
    recorder.record(
        "bypass.asked",
        actor=actor,
        subject=subject(made),
        data={
            "gates": codes,
            "evidence_digest": row.evidence_digest,
            "expires_at": expires_at.isoformat(),
            "request": row.pk,
        },
        after={"status": made.status},
        reason=text,
    )
    made.refresh_from_db()
    tell_bypass.asked(made, tell_bypass.can_grant(read.of(made, facts)))
    return made


def _named(row: PromotionRequest, rule: BypassRule, gates: list[str]) -> list[str]:
    """The gates in the order in which they are in the way; raises `BadInput` that says which cannot be named."""
    held = request_facts.timing(row, request_facts.request(row), request_facts.approvals(row), clock.now())
    found = policy.in_the_way(row.evidence, held)
    able = [gate["code"] for gate in policy.can_be_named(rule, found)]
    wrong = sorted(set(gates) - set(able))
    if gates and not wrong:
        return [code for code in able if code in gates]
    known = ", ".join(able) or "nothing"
    text = f"{labels(wrong)[0]} is not in the way, or nobody may bypass it." if wrong else "Name at least one gate."
    raise BadInput(f"{text} What can be named now: {known}.", fields={"gates": known})


def _hours(rule: BypassRule, hours: int | None) -> int:
    wanted = rule.hours if hours is None else hours
    if not 1 <= wanted <= rule.hours:
        raise BadInput(f"hours must be 1 to {rule.hours}, as the rules say.", fields={"hours": f"1 to {rule.hours}"})
    return wanted


def none_overdue(endpoint: Endpoint) -> None:
    """Raise `Refused` while the review of an earlier bypass on the endpoint is overdue."""
    rows = Bypass.objects.filter(request__endpoint=endpoint, status="used", review_due_at__lte=clock.now())
    late = rows.order_by("review_due_at").first()
    if late is not None:
        raise Refused(
            f"The review of bypass {late.pk} is overdue, and until it is given nothing else on {endpoint} "
            "can be bypassed. Review it first.",
            code="review_overdue",
            bypass=late.pk,
        )


@transaction.atomic
def grant(*, actor: Actor, number: int, seen: str, comment: str = "") -> Bypass:
    """Grant it on exactly the evidence `seen`, with a step-up bound to it. The last grant lets the request go on."""
    row = _locked(number, actor)
    facts = read.of(row)
    given = [one.person for one in read.grants(row)]
    _allowed(actor, subject(row), policy.grant(actor, facts, given), "bypass.granted")
    _still_true(row, seen)
    none_overdue(row.request.endpoint)
    rule = promotion_policy.rule_for(actor.grants, policy.as_approvals(facts), given)
    name = rule.name if rule else ""
    proof = stepup.consume(actor=actor, binding=binding(row), methods=facts.request.rules.step_up)
    BypassGrant.objects.create(
        bypass=row,
        granter_id=frozen.person_of(actor),
        rule=name,
        evidence_digest=seen,
        gates=row.gates,
        step_up_at=proof.at,
        step_up_method=proof.method,
        comment=comment.strip()[:4000],
        asker_id=row.asker_id,
        requester_id=row.requester_id,
        uploader_id=row.uploader_id,
    )
    recorder.record(
        "bypass.granted",
        actor=actor,
        subject=subject(row),
        data={
            "evidence_digest": seen,
            "gates": row.gates,
            "rule": name,
            "step_up_at": proof.at.isoformat(),
            "step_up_method": proof.method,
        },
        reason=comment.strip(),
    )
    return _in_full(row, actor)


def _in_full(row: Bypass, actor: Actor) -> Bypass:
    verdict = read.verdict(row, read.of(row), clock.now())
    if not verdict.satisfied:
        return row
    system = actors.system("the last grant was given", via=actor.via, request_id=actor.request_id)
    move(row, "grant", actor=system)
    tell_bypass.granted(row, [name for line in verdict.lines for name in line.by])
    promotions.advance(PromotionRequest.objects.get(pk=row.request_id), actor=system)
    row.refresh_from_db()
    return row


def _still_true(row: Bypass, seen: str) -> None:
    """Raise `Stale` unless it is bound to the evidence that was seen and that still stands, and has not run out."""
    if row.evidence_digest != seen:
        raise Stale("You looked at other evidence. Load the page again and read it.", code="evidence_changed")
    frozen.current(row.request, seen)
    if row.expires_at <= clock.now():
        raise Refused("This bypass has expired. It can be asked for again.", code="bypass_expired")


@transaction.atomic
def refuse(*, actor: Actor, number: int, comment: str) -> Bypass:
    """Refuse it; whoever can grant it can."""
    text = frozen.reason(comment)
    row = _locked(number, actor)
    _allowed(actor, subject(row), policy.may_grant(actor, read.of(row)), "bypass.refused")
    move(row, "refuse", actor=actor, reason=text, note=text, next_reconcile_at=None)
    tell_bypass.ended(row, "was refused", text)
    return row


@transaction.atomic
def withdraw(*, actor: Actor, number: int, reason: str = "") -> Bypass:
    """Take it back before it is used."""
    row = _locked(number, actor)
    policy.may_withdraw(actor, read.of(row)).require()
    text = reason.strip()[:4000]
    move(row, "withdraw", actor=actor, reason=text, note=text, next_reconcile_at=None)
    tell_bypass.ended(row, "was withdrawn", text)
    return row


@transaction.atomic
def review(*, actor: Actor, number: int, upheld: bool, comment: str) -> Bypass:
    """Say afterwards whether it was right. Somebody who had no part in it does."""
    text = frozen.reason(comment)
    row = _locked(number, actor)
    verb = "bypass.upheld" if upheld else "bypass.not_upheld"
    _allowed(actor, subject(row), policy.may_review(actor, read.of(row)), verb)
    move(
        row,
        "uphold" if upheld else "overturn",
        actor=actor,
        reason=text,
        reviewer_id=frozen.person_of(actor),
        reviewed_at=clock.now(),
        review=text,
        next_reconcile_at=None,
    )
    tell_bypass.reviewed(row)
    return row


@transaction.atomic
def settle(number: int) -> Bypass:
    """What the system owes a bypass: let it expire, or chase the review that is owed."""
    seen = Bypass.objects.select_related("request").get(pk=number)
    lock(Endpoint.objects.filter(pk=seen.request.endpoint_id))
    lock(PromotionRequest.objects.filter(pk=seen.request_id))
    row, now = lock(Bypass.objects.filter(pk=number)), clock.now()
    if row.status in states.OPEN and row.expires_at <= now:
        move(row, "expire", actor=actors.system("its time had passed"))
        tell_bypass.ended(row, "expired")
    elif row.status == "used" and row.used_at is not None:
        tell_bypass.owed(row, read.of(row), int((now - row.used_at) / CHASE), now)
    return row


def _allowed(actor: Actor, about: Subject, decision: Decision, verb: str) -> None:
    """Raise the refusal with the attempt, so that the log has it."""
    try:
        decision.require()
    except PortalError as error:
        raise recorder.refusing(error, verb, actor=actor, subject=about) from None
