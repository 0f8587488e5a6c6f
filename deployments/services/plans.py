"""Rollout plans: writing a new one, or a new version of one."""

from typing import Any

from django.db import IntegrityError, transaction
from django.utils.text import slugify

from deployments.engine import plans, ready_made
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
from portal.core.errors import BadInput, Conflict, PortalError

NAME = "must have 1 to 60 lower-case letters, digits and hyphens"
OWN = "is Signalbox's own; give yours a name of its own"


def checked(body: object, name: str | None = None) -> dict[str, Any]:
    """A written plan in its one normal form; `BadInput` that names each place that is wrong, and the name where one is
    given."""
    fields = {"name": wrong} if name is not None and (wrong := _misnamed(name)) else {}
    said = [f"The plan's name {wrong}." for wrong in fields.values()]
    try:
        normal = plans.body_of(plans.parse(body))
    except PlanRefused as refused:
        said, fields = [*said, f"The plan cannot be carried out: {refused}"], {**fields, **refused.fields}
    if fields:
        raise BadInput(" ".join(said), fields=fields)
    return normal


def _misnamed(name: str) -> str:
    """Why nobody can write a plan of this name; "" when somebody can."""
    if name in ready_made.PLANS:
        return OWN
    return "" if slugify(name) == name and 1 <= len(name) <= 60 else NAME


def may_write(*, actor: Actor, name: str = "") -> None:
    """`NotAllowed` for who writes no plans, before anything of the plan is looked at; the attempt leaves its trace."""
    try:
        access.may_somewhere(actor, Permission.ROLLOUTS_STEER).require()
    except PortalError as error:
        about = Subject.of("rollout_plan", "new", name[:60] or "a new plan")
        raise recorder.refusing(error, "plan.created", actor=actor, subject=about) from None


@transaction.atomic
def create(*, actor: Actor, name: str, body: object, title: str = "") -> Plan:
    """Write a plan, or the next version of the one of that name. Requests that were sent keep theirs; the plans that
    come with the portal change with the portal alone."""
    may_write(actor=actor, name=name)
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
