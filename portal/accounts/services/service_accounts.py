"""Service accounts: programs with roles of their own and a human who answers for them."""

from django.db import IntegrityError, transaction
from django.utils.text import slugify

from portal.accounts.models import Person, ServiceAccount
from portal.accounts.policies import credentials as policy
from portal.accounts.services.guarded import require
from portal.audit import recorder
from portal.audit.recorder import Subject
from portal.core.actors import Actor
from portal.core.errors import BadInput, Conflict, Refused
from portal.core.locking import lock


def subject(row: ServiceAccount) -> Subject:
    return Subject.of("service_account", row.pk, row.name)


def _active(responsible: Person) -> Person:
    if not responsible.is_active:
        text = "The responsible person must be somebody who is not disabled."
        raise BadInput(text, fields={"responsible": text})
    return responsible


@transaction.atomic
def create(*, actor: Actor, name: str, responsible: Person, description: str = "") -> ServiceAccount:
    """A service account without any right yet; grant it roles, then make a token for it."""
    row = ServiceAccount(name=name, description=description.strip()[:300], responsible=_active(responsible))
    nothing_yet = Subject.of("service_account", "new", name[:60])
    require(policy.may_manage_accounts(actor), "service_account.created", actor=actor, subject=nothing_yet)
    if not name or slugify(name)[:60] != name:
        text = "Use small letters, digits and hyphens, for example train-nightly."
        raise BadInput(text, fields={"name": text})
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        raise Conflict("There is a service account with this name already.", code="service_account_exists") from error
    recorder.record(
        "service_account.created",
        actor=actor,
        subject=subject(row),
        after={"name": row.name, "responsible": f"person:{responsible.pk}", "is_active": True},
    )
    return row


@transaction.atomic
def change(
    *,
    actor: Actor,
    name: str,
    responsible: Person | None = None,
    is_active: bool | None = None,
    description: str | None = None,
) -> ServiceAccount:
    """Another responsible human, another description, disabled or enabled; None leaves a field as it is."""
    row = lock(ServiceAccount.objects.filter(name=name))
    require(policy.may_manage_accounts(actor), "service_account.changed", actor=actor, subject=subject(row))
    before = _facts(row)
    if responsible is not None:
        row.responsible = _active(responsible)
    if is_active is not None:
        row.is_active = is_active
    if description is not None:
        row.description = description.strip()[:300]
    changed = [key for key, value in _facts(row).items() if value != before[key]]
    if not changed:
        raise Refused("Nothing would change.", code="nothing_changed")
    row.save(update_fields=changed)
    after = _facts(row)
    recorder.record(
        "service_account.changed",
        actor=actor,
        subject=subject(row),
        before={key: before[key] for key in changed},
        after={key: after[key] for key in changed},
    )
    return row


def _facts(row: ServiceAccount) -> dict[str, str | bool]:
    return {
        "responsible": f"person:{row.responsible_id}",
        "is_active": row.is_active,
        "description": row.description,
    }
