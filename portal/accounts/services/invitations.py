"""Invitations: a mailed link, good once and for a week, of which only a hash is kept."""

from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models.functions import Now

from portal.accounts import secrets
from portal.accounts.models import Invitation, Person, RoleGrant, Team
from portal.accounts.policies import people as policy
from portal.accounts.roles import Role
from portal.accounts.services import people, roles
from portal.accounts.services.guarded import require
from portal.audit import recorder
from portal.audit.recorder import Subject
from portal.core import actors, clock, ids, jobs
from portal.core.actors import Actor
from portal.core.errors import BadInput, Conflict, NotFound, Refused
from portal.core.locking import lock

VALID = timedelta(days=7)
SEND = "accounts.send_invitation"
GONE = "This link is not valid any more: it was used, taken back, or is older than a week. Ask for a new invitation."


@dataclass(frozen=True, slots=True)
class Link:
    """An invitation with the secret that was made for it just now; the secret is not stored."""

    invitation: Invitation
    secret: str

    @property
    def path(self) -> str:
        return f"/join/{self.invitation.pk}/{self.secret}/"


def subject(row: Invitation) -> Subject:
    return Subject.of("invitation", row.pk, f"Invitation {row.pk}")


def _new(*, actor: Actor, email: str, name: str, role: str, team: Team | None, secret: str) -> Invitation:
    row = Invitation.objects.create(
        email=email,
        name=name,
        role=role,
        team=team,
        secret_hash=secrets.keyed_hash(secret),
        invited_by=actor.id,
        expires_at=clock.now() + VALID,
    )
    recorder.record(
        "person.invited",
        actor=actor,
        subject=subject(row),
        data={"role": role, "team": team.slug if team else None, "email": recorder.commit_value(email)},
    )
    return row


@transaction.atomic
def invite(*, actor: Actor, email: str, role: str, name: str = "", team: Team | None = None) -> Invitation:
    """Ask somebody to join with a first role. The mail goes out after this transaction."""
    email = people.checked_email(email)
    if role not in Role.values:
        known = ", ".join(Role.values)
        raise BadInput(f"There is no such role. Use one of: {known}.", fields={"role": known})
    nobody_yet = Subject.of("invitation", "new", "Invitation")
    require(policy.may_manage(actor, team.pk if team else None), "person.invited", actor=actor, subject=nobody_yet)
    if Person.objects.filter(email=email).exists():
        raise Conflict("Somebody with this e-mail address is here already.", code="person_exists")
    if Invitation.objects.filter(email=email, accepted_at=None, revoked_at=None, expires_at__gt=Now()).exists():
        raise Conflict("This address has an open invitation. Send that one again or take it back.", code="invited")
    secret = secrets.new_link_secret()
    row = _new(actor=actor, email=email, name=name.strip()[:120], role=role, team=team, secret=secret)
    jobs.enqueue(SEND, key=f"{SEND}:{row.pk}", args={"invitation": str(row.pk)})
    return row


@transaction.atomic
def send_again(*, actor: Actor, invitation_id: str) -> Invitation:
    """Mail a fresh link, good for another week; the earlier one stops to work."""
    row = _open(invitation_id, actor, "person.invited")
    row.expires_at = clock.now() + VALID
    row.save(update_fields=["expires_at"])
    recorder.record("person.invited", actor=actor, subject=subject(row), data={"again": True})
    jobs.enqueue(SEND, key=f"{SEND}:{row.pk}:{ids.new_id()}", args={"invitation": str(row.pk)})
    return row


@transaction.atomic
def revoke(*, actor: Actor, invitation_id: str) -> Invitation:
    """Take an open invitation back."""
    row = _open(invitation_id, actor, "person.invitation_revoked")
    row.revoked_at = clock.now()
    row.save(update_fields=["revoked_at"])
    recorder.record("person.invitation_revoked", actor=actor, subject=subject(row))
    return row


def _open(invitation_id: str, actor: Actor, verb: str) -> Invitation:
    nothing = Subject.of("invitation", invitation_id, "Invitation")
    require(policy.may_manage_somewhere(actor), verb, actor=actor, subject=nothing)
    row = lock(Invitation.objects.filter(pk=invitation_id))
    if not policy.may_manage(actor, row.team_id):
        raise NotFound("This invitation does not exist, or it is of a team you do not manage.")
    if row.accepted_at or row.revoked_at:
        raise Refused("This invitation was used or taken back already.", code="invitation_closed")
    return row


def renew_secret(invitation_id: str) -> Link | None:
    """In the caller's transaction, make the secret that the mail will carry; None when there is nothing to send.

    It is made as late as this so that it never rests in a table: if sending fails, the next attempt makes another.
    """
    row = lock(Invitation.objects.filter(pk=invitation_id))
    if row.accepted_at or row.revoked_at:
        return None
    secret = secrets.new_link_secret()
    row.secret_hash = secrets.keyed_hash(secret)
    row.save(update_fields=["secret_hash"])
    recorder.record("person.invitation_sent", actor=actors.system("an invitation is mailed"), subject=subject(row))
    return Link(row, secret)


def find(invitation_id: str, secret_hash: bytes) -> Invitation:
    """The open invitation behind a link; `NotFound` says why there may be none."""
    row = Invitation.objects.filter(
        pk=invitation_id, secret_hash=secret_hash, accepted_at=None, revoked_at=None, expires_at__gt=Now()
    ).first()
    if row is None:
        raise NotFound(GONE, code="invitation_gone")
    return row


@transaction.atomic
def accept(*, invitation_id: str, secret_hash: bytes, name: str, password: str, email: str = "") -> Person:
    """Become a person of this portal. `email` is asked for only where the invitation names none."""
    row = lock(Invitation.objects.filter(pk=find(invitation_id, secret_hash).pk), missing=GONE)
    if row.accepted_at or row.revoked_at:
        raise NotFound(GONE, code="invitation_gone")
    if not row.email and _administered():
        raise NotFound(GONE, code="invitation_gone")
    actor = actors.system("an invitation was accepted", via="page")
    person = people.create(actor=actor, email=row.email or email, name=name, password=password)
    given = RoleGrant.objects.create(person=person, role=row.role, team=row.team, granted_by=row.invited_by)
    recorder.record("role.granted", actor=actor, subject=roles.subject(given), data=roles.facts(given))
    row.accepted_at, row.accepted_by = clock.now(), person
    row.save(update_fields=["accepted_at", "accepted_by"])
    data = {"person": f"person:{person.pk}"}
    recorder.record("person.invitation_accepted", actor=actor, subject=subject(row), data=data)
    return person


def _administered() -> bool:
    return RoleGrant.objects.filter(role=Role.ADMINISTRATOR, team=None, person__is_active=True).exists()


@transaction.atomic
def first_link() -> Link:
    """The way into an empty portal: a link that makes its holder the first administrator. Voids an earlier one."""
    if _administered():
        raise Refused("This portal has an administrator. Ask one of them for an invitation.", code="administered")
    actor = actors.system("the portal is empty", via="command")
    for old in Invitation.objects.filter(email="", accepted_at=None, revoked_at=None).select_for_update():
        old.revoked_at = clock.now()
        old.save(update_fields=["revoked_at"])
        recorder.record("person.invitation_revoked", actor=actor, subject=subject(old))
    secret = secrets.new_link_secret()
    return Link(_new(actor=actor, email="", name="", role=Role.ADMINISTRATOR, team=None, secret=secret), secret)
