"""Making, rotating and revoking tokens. A secret leaves these functions once and is stored nowhere."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from portal.accounts import secrets, stepup
from portal.accounts.models import ApiToken, Person, ServiceAccount, Team
from portal.accounts.policies import credentials as policy
from portal.accounts.services.guarded import require
from portal.accounts.tokens import subject
from portal.audit import recorder
from portal.audit.recorder import Subject
from portal.core import clock, digests
from portal.core.actors import Actor
from portal.core.errors import BadInput, Refused
from portal.core.locking import lock

METHODS = ("password", "totp", "passkey")
Owner = Person | ServiceAccount


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token and its secret, to be shown once."""

    token: ApiToken
    secret: str


def binding(owner: Owner) -> str:
    """What the step-up is bound to before a token of this owner is made or rotated."""
    kind = "person" if isinstance(owner, Person) else "service_account"
    return digests.of_json({"act": "token.create", "owner": f"{kind}:{owner.pk}"})


def owner_of(token: ApiToken) -> Owner:
    owner = token.service_account or token.person
    assert owner is not None
    return owner


def _humans(owner: Owner) -> dict[str, int | None]:
    if isinstance(owner, Person):
        return {"person_id": owner.pk, "responsible_id": None}
    return {"person_id": None, "responsible_id": owner.responsible_id}


def _present(actor: Actor, owner: Owner) -> None:
    """A session alone does not make a credential that outlives it: a fresh look at the person is needed."""
    if actor.kind != "system":
        stepup.consume(actor=actor, binding=binding(owner), methods=METHODS)


def _checked_name(name: str) -> str:
    clean = " ".join(name.split())
    if not 1 <= len(clean) <= 80 or not clean.isprintable():
        text = "Give the token a name of 1 to 80 characters that says where it will be used."
        raise BadInput(text, fields={"name": text})
    return clean


def _insert(actor: Actor, owner: Owner, name: str, scopes: list[str], team: Team | None, ends: datetime) -> NewToken:
    secret = secrets.new_token("pat" if isinstance(owner, Person) else "svc")
    prefix, last4 = secrets.shown(secret)
    row = ApiToken.objects.create(
        name=name,
        prefix=prefix,
        last4=last4,
        secret_hash=secrets.keyed_hash(secret),
        person=owner if isinstance(owner, Person) else None,
        service_account=owner if isinstance(owner, ServiceAccount) else None,
        scopes=scopes,
        team=team,
        expires_at=ends,
    )
    recorder.record(
        "token.created",
        actor=actor,
        subject=subject(row),
        data={
            "scopes": scopes,
            "expires_at": ends.isoformat(),
            "team": team.slug if team else None,
            "owner": f"{'person' if row.person_id else 'service_account'}:{owner.pk}",
        },
    )
    return NewToken(row, secret)


@transaction.atomic
def create(
    *, actor: Actor, owner: Owner, name: str, scopes: list[str], days: int | None = None, team: Team | None = None
) -> NewToken:
    """A token for oneself or for a service account. It can do what its owner may do now, within its scopes.

    Needs a step-up bound to `binding(owner)`. `team` limits it to the things of one team.
    """
    nothing_yet = Subject.of("api_token", "new", "Token")
    require(policy.may_make(actor, **_humans(owner)), "token.created", actor=actor, subject=nothing_yet)
    if not owner.is_active:
        raise Refused("The owner of this token is disabled.", code="owner_disabled")
    clean, wanted = _checked_name(name), policy.checked_scopes(scopes)
    ends = policy.expiry(clock.now(), days)
    _present(actor, owner)
    return _insert(actor, owner, clean, wanted, team, ends)


@transaction.atomic
def rotate(*, actor: Actor, token_id: str, overlap_hours: int = 0, days: int | None = None) -> NewToken:
    """A new secret with the same name, scopes and team. The old one goes on for `overlap_hours`, 24 at most."""
    old = lock(ApiToken.objects.select_related("person", "service_account", "team").filter(pk=token_id))
    owner = owner_of(old)
    require(policy.may_make(actor, **_humans(owner)), "token.rotated", actor=actor, subject=subject(old))
    now = clock.now()
    overlap = policy.checked_overlap(overlap_hours)
    if old.revoked_at is not None or old.expires_at <= now:
        raise Refused("This token has ended already. Make a new one.", code="token_ended")
    ends = policy.expiry(now, days)
    _present(actor, owner)
    new = _insert(actor, owner, old.name, policy.checked_scopes(old.scopes), old.team, ends)
    _end(old, now, overlap)
    recorder.record(
        "token.rotated",
        actor=actor,
        subject=subject(old),
        data={"replaced_by": str(new.token.pk)},
        after={"expires_at": old.expires_at.isoformat(), "revoked": old.revoked_at is not None},
    )
    return new


def _end(old: ApiToken, now: datetime, overlap: timedelta) -> None:
    if overlap:
        old.expires_at = min(old.expires_at, now + overlap)
        old.save(update_fields=["expires_at"])
    else:
        old.revoked_at = now
        old.save(update_fields=["revoked_at"])


@transaction.atomic
def revoke(*, actor: Actor, token_id: str) -> ApiToken:
    """End a token with its next use."""
    row = lock(ApiToken.objects.select_related("person", "service_account").filter(pk=token_id))
    require(policy.may_revoke(actor, **_humans(owner_of(row))), "token.revoked", actor=actor, subject=subject(row))
    if row.revoked_at is not None:
        raise Refused("This token is revoked already.", code="revoked_already")
    row.revoked_at = clock.now()
    row.save(update_fields=["revoked_at"])
    recorder.record("token.revoked", actor=actor, subject=subject(row))
    return row
