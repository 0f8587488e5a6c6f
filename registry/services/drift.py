"""What was changed in MLflow behind the gate: recorded, and told to those who answer for it."""

from typing import Any

from django.db import transaction

from portal.accounts.models import RoleGrant
from portal.accounts.roles import Role
from portal.audit import recorder
from portal.audit.models import AuditEvent
from portal.audit.recorder import Subject
from portal.core.actors import Actor
from portal.notices.services import notices
from registry.models import RegisteredModel

GONE_MODEL = "a model that MLflow no longer has"
GONE_VERSION = "a version that MLflow no longer has"
GONE = (GONE_MODEL, GONE_VERSION)
"""What stays wrong: nothing that was deleted in MLflow comes back under its number."""


@transaction.atomic
def found(
    *,
    actor: Actor,
    verb: str,
    subject: Subject,
    what: str,
    model: RegisteredModel | None,
    before: Any = None,
    after: Any = None,
    **data: Any,
) -> None:
    """Record the change and tell the model's owner and its team's ML leads; administrators where there is no model."""
    changed = before is not None or after is not None
    states: dict[str, Any] = {"before": {what: before}, "after": {what: after}} if changed else {}
    event = recorder.record(verb, actor=actor, subject=subject, data={"what": what} | data, **states)
    notices.tell(
        person_ids=_answerable(model),
        kind=verb,
        dedup=event.event_id,
        subject=f"Changed outside the portal: {subject.name}",
        text=f"{what.capitalize()}. It was done in MLflow itself, which asked nobody and does not say who it was. "
        + ("The portal has put it back." if data.get("put_back") else "See the log for what it was before."),
        url=f"/audit/{event.event_id}/",
    )


def found_once(*, actor: Actor, subject: Subject, what: str, model: RegisteredModel | None) -> None:
    """The same for what stays as it is: said once, the event itself being the memory of that."""
    known = AuditEvent.objects.filter(
        type="registry.drift_found", subject_type=subject.type, subject_id=subject.id, search__data__what=what
    )
    if not known.exists():
        found(actor=actor, verb="registry.drift_found", subject=subject, what=what, model=model)


def _answerable(model: RegisteredModel | None) -> list[int]:
    grants = RoleGrant.objects.filter(person__is_active=True)
    if model is None:
        return list(grants.filter(role=Role.ADMINISTRATOR).values_list("person_id", flat=True))
    leads = grants.filter(role=Role.ML_LEAD, team=model.team).values_list("person_id", flat=True)
    owner = [model.owner_id] if model.owner_id and model.owner and model.owner.is_active else []
    return [*leads, *owner]
