"""Granting and revoking roles."""

from django.db import IntegrityError, transaction

from portal.accounts.models import Person, RoleGrant, ServiceAccount, Team
from portal.accounts.policies import people as policy
from portal.accounts.roles import Role
from portal.accounts.services.guarded import require
from portal.audit import recorder
from portal.audit.recorder import Subject
from portal.core.actors import Actor
from portal.core.errors import BadInput, Conflict, NotFound
from portal.core.locking import lock_all

Holder = Person | ServiceAccount


def subject(grant: RoleGrant) -> Subject:
    """People appear in the log by number, so that erasing one breaks no proof."""
    who = grant.service_account.name if grant.service_account else f"Person {grant.person_id}"
    return Subject.of("role_grant", grant.pk or "new", f"{who}: {grant}")


def facts(grant: RoleGrant) -> dict[str, object]:
    """What the log keeps of a grant."""
    holder = f"service_account:{grant.service_account_id}" if grant.service_account_id else f"person:{grant.person_id}"
    return {"role": grant.role, "team": grant.team.slug if grant.team else None, "holder": holder}


def other_administrators(*, without_grant: int | None = None, without_person: int | None = None) -> int:
    """How many active people would still administer the whole portal without this grant or this person.

    Locks the grants first and looks at the people afterwards, so that two administrators cannot remove each other.
    """
    held = lock_all(RoleGrant.objects.filter(role=Role.ADMINISTRATOR, team=None).exclude(person=None))
    left = {row.person_id or 0 for row in held if row.pk != without_grant and row.person_id != without_person}
    return Person.objects.filter(pk__in=left, is_active=True).count()


@transaction.atomic
def grant(*, actor: Actor, holder: Holder, role: str, team: Team | None = None) -> RoleGrant:
    """Give the holder a role, everywhere or in one team."""
    if role not in Role.values:
        known = ", ".join(Role.values)
        raise BadInput(f"There is no such role. Use one of: {known}.", fields={"role": known})
    person = holder if isinstance(holder, Person) else None
    account = holder if isinstance(holder, ServiceAccount) else None
    row = RoleGrant(person=person, service_account=account, role=role, team=team, granted_by=actor.id)
    decision = policy.may_grant(
        actor,
        role=role,
        team_id=team.pk if team else None,
        person_id=person.pk if person else None,
        responsible_id=account.responsible_id if account else None,
    )
    require(decision, "role.granted", actor=actor, subject=subject(row))
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        raise Conflict("This role is held already.", code="granted_already") from error
    recorder.record("role.granted", actor=actor, subject=subject(row), data=facts(row))
    return row


@transaction.atomic
def revoke(*, actor: Actor, grant_id: int) -> None:
    """Take a role away; it stops to count with the next request of its holder."""
    left = other_administrators(without_grant=grant_id)
    row = RoleGrant.objects.select_related("person", "service_account", "team").filter(pk=grant_id).first()
    if row is None:
        raise NotFound("This role is not held any more.")
    decision = policy.may_revoke(actor, role=row.role, team_id=row.team_id, administrators_left=left)
    require(decision, "role.revoked", actor=actor, subject=subject(row))
    where, data = subject(row), facts(row)
    row.delete()
    recorder.record("role.revoked", actor=actor, subject=where, data=data)
