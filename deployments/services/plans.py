"""Rollout plans: writing a new one, or a new version of one."""

from typing import Any

from django.db import IntegrityError, transaction
from django.utils.text import slugify

from deployments.engine import plans
from deployments.engine.plans import PlanRefused
from deployments.models import RolloutPlan
from deployments.selectors import plans as select
from deployments.selectors.plans import Plan
from portal.accounts import access
from portal.accounts.permissions import Permission
from portal.audit import recorder
from portal.audit.recorder import Subject
from portal.core import digests
from portal.core.actors import Actor
from portal.core.errors import BadInput, Conflict

NAME = "must have 1 to 60 lower-case letters, digits and hyphens"


def checked(body: object, name: str | None = None) -> dict[str, Any]:
    """A written plan in its one normal form; `BadInput` that names each place that is wrong, and the name where one is
    given."""
    wrong = [] if name is None or (slugify(name) == name and 1 <= len(name) <= 60) else ["name"]
    said, fields = [f"The plan's name {NAME}." for _ in wrong], dict.fromkeys(wrong, NAME)
    try:
        normal = plans.body_of(plans.parse(body))
    except PlanRefused as refused:
        said, fields = [*said, f"The plan cannot be carried out: {refused}"], {**fields, **refused.fields}
    if fields:
        raise BadInput(" ".join(said), fields=fields)
    return normal


@transaction.atomic
def create(*, actor: Actor, name: str, body: object, title: str = "") -> Plan:
    """Write a plan, or the next version of the one of that name. Requests that were sent keep theirs."""
    access.may_somewhere(actor, Permission.ROLLOUTS_STEER).require()
    normal = checked(body, name)
    known = next((plan for plan in select.listed() if plan.name == name), None)
    digest = digests.of_json(normal)
    if known is not None and known.digest == digest:
        raise Conflict(f"{known} says exactly this already.", fields={"body": "as it is already"})
    row = RolloutPlan(
        name=name,
        version=known.version + 1 if known else 1,
        title=(title.strip() or (known.title if known else name))[:80],
        body=normal,
        digest=digest,
        created_by=actor.id,
        created_by_label=actor.label,
    )
    _insert(row)
    recorder.record(
        "plan.created",
        actor=actor,
        subject=Subject.of("rollout_plan", row.pk, str(row)),
        data={"digest": digest},
        after={"title": row.title, "body": normal},
    )
    return select.find(name, row.version)


def _insert(row: RolloutPlan) -> None:
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        raise Conflict(
            f"Somebody else has just written {row}. Look at it, then write yours.", fields={"name": "just changed"}
        ) from error
