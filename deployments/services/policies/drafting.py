"""Writing a change of a policy: it decides nothing until a second person has approved it."""

from typing import Any

from django.db import IntegrityError, transaction

from deployments.models import Environment, Policy, PolicyVersion
from deployments.policies import change
from deployments.policies import rules as rules_policy
from deployments.selectors import policies as select
from deployments.states import policy as states
from portal.accounts.models import Team
from portal.audit import recorder
from portal.audit.recorder import Subject
from portal.core import clock, digests
from portal.core.actors import Actor
from portal.core.errors import BadInput, Conflict, NotFound, Refused, Stale
from portal.core.locking import lock, lock_all
from portal.lifecycle.move import move
from registry.models import RiskTier

Json = dict[str, Any]
NOT_SEEN = "This change was edited while you were looking. Read it again, then go on."


def subject(row: PolicyVersion) -> Subject:
    return Subject.of("policy_version", row.pk, str(row))


def introduce(*, actor: Actor, environment: Environment, rules: Json) -> PolicyVersion:
    """The first version of an environment's policy, in force at once, in the transaction that makes the environment.

    It needs no second person: nothing can have been promoted there, and nothing older could say who that is.
    """
    parsed(rules)
    policy = _create(actor, environment, "")
    row = PolicyVersion.objects.create(
        policy=policy,
        content=rules,
        digest=digests.of_json(rules),
        created_by_id=actor.person_id,
        editors=[actor.person_id] if actor.person_id else [],
    )
    data = {"digest": row.digest, "rules": rules}
    return move(row, "introduce", actor=actor, data=data, name=f"{policy}@1", number=1, decided_at=clock.now())


@transaction.atomic
def draft(*, actor: Actor, environment: str, tier: str = "", rules: Json | None = None, why: str = "") -> PolicyVersion:
    """Begin a change of the policy of an environment and risk tier ("" for all tiers), from what holds there now.

    A tier without a policy of its own gets one with the first change that is approved. Raises `Conflict` while
    another change of the policy is under way.
    """
    change.may_draft(actor).require()
    policy = lock(Policy.objects.filter(pk=_place(actor, environment, tier).pk))
    base = select.in_force(policy.environment_id, policy.tier)
    content = base.content if rules is None else rules
    parsed(content)
    return begin(actor, PolicyVersion(policy=policy, base=base, content=content, digest=digests.of_json(content)), why)


def begin(actor: Actor, row: PolicyVersion, why: str) -> PolicyVersion:
    """Keep this change of a locked policy as a draft of the actor's."""
    _none_open(row.policy)
    assert row.base is not None
    row.why, row.created_by_id = _why(why), actor.person_id
    row.created_through = "" if actor.is_person else actor.label
    row.editors = [actor.person_id] if actor.person_id else []
    row.save(force_insert=True)
    data = {"digest": row.digest, "base": str(row.base)}
    recorder.record(
        "policy.drafted",
        actor=actor,
        subject=subject(row),
        data=data | ({"falls_to": str(row.falls_to)} if row.falls_to else {}),
        before={"rules": row.base.content},
        after={"rules": row.content},
        reason=row.why,
    )
    return row


@transaction.atomic
def edit(*, actor: Actor, change_id: int, seen: str, rules: Json, why: str = "") -> PolicyVersion:
    """Other rules for a draft. `seen` is the digest the actor edited; raises `Stale` when it is another by now."""
    change.may_draft(actor).require()
    parsed(rules)
    row = locked(change_id)
    if row.status != "draft":
        raise Refused("Only a draft can be edited. Withdraw it and start again.", code="not_a_draft")
    if row.falls_to_id:
        raise Refused(
            "This change retires the policy, so it has no rules to edit. Withdraw it and begin another.", code="retires"
        )
    current(row, seen)
    before = row.content
    row.content, row.digest, row.why = rules, digests.of_json(rules), _why(why)
    row.editors = sorted({*row.editors, *([actor.person_id] if actor.person_id else [])})
    row.save(update_fields=["content", "digest", "why", "editors"])
    recorder.record(
        "policy.edited",
        actor=actor,
        subject=subject(row),
        data={"digest": row.digest},
        before={"rules": before},
        after={"rules": rules},
        reason=row.why,
    )
    return row


@transaction.atomic
def withdraw(*, actor: Actor, change_id: int, reason: str = "") -> PolicyVersion:
    """Take a draft or a proposal back; what is in force stays."""
    change.may_draft(actor).require()
    row, note = locked(change_id), reason.strip()[:4000]
    return move(row, "withdraw", actor=actor, reason=note, decision_note=note, decided_at=clock.now())


def locked(change_id: int) -> PolicyVersion:
    """The change under lock, its policy locked first (lock order), with the one it falls to where it retires it."""
    seen = select.draft(change_id)
    lock_all(Policy.objects.filter(pk__in=[seen.policy_id, *([seen.falls_to.policy_id] if seen.falls_to else [])]))
    return lock(select.versions().filter(pk=change_id))


def current(row: PolicyVersion, seen: str) -> None:
    if row.digest != seen:
        raise Stale(NOT_SEEN, code="change_edited", digest=row.digest)


def parsed(rules: Json) -> rules_policy.Rules:
    """The rules, whose teams all exist. Raises `BadInput` that names the member that is wrong."""
    found = rules_policy.parse(rules)
    missing = found.teams - set(Team.objects.filter(slug__in=found.teams).values_list("slug", flat=True))
    if missing:
        raise BadInput(
            f"There is no team {', '.join(sorted(missing))}. Create it first.", fields={"approvals": "unknown team"}
        )
    return found


def _create(actor: Actor, environment: Environment, tier: str) -> Policy:
    policy = Policy.objects.create(environment=environment, tier=tier)
    recorder.record("policy.created", actor=actor, subject=Subject.of("policy", policy.pk, str(policy)))
    return policy


def _place(actor: Actor, environment: str, tier: str) -> Policy:
    """The policy of this environment and tier, made without a version when the tier has none yet."""
    place = where(environment, tier)
    found = Policy.objects.filter(environment=place, tier=tier).first()
    if found:
        return found
    try:
        with transaction.atomic():
            return _create(actor, place, tier)
    except IntegrityError:
        return Policy.objects.get(environment=place, tier=tier)


def where(environment: str, tier: str) -> Environment:
    """The environment; raises `BadInput` for a tier there is none of, `NotFound` without such an environment."""
    if tier not in ("", *RiskTier.values):
        known = ", ".join(RiskTier.values)
        raise BadInput(f"tier must be empty or one of: {known}.", fields={"tier": known})
    found = Environment.objects.filter(name=environment).first()
    if found is None:
        raise NotFound(f"There is no environment {environment}.")
    return found


def _none_open(policy: Policy) -> None:
    other = PolicyVersion.objects.filter(policy=policy, status__in=states.OPEN).first()
    if other:
        raise Conflict(
            f"A change of {policy} is under way already: number {other.pk}. Finish it or withdraw it first.",
            code="change_under_way",
            change=other.pk,
        )


def _why(text: str) -> str:
    cleaned = text.strip()
    if len(cleaned) > 4000:
        raise BadInput("Say why in at most 4\u202f000 characters.", fields={"why": "at most 4\u202f000 characters"})
    return cleaned
