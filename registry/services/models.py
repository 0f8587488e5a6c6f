"""Registered models: what the gate has seen MLflow do, and what people change about them here."""

from django.db import transaction
from django.db.models.functions import Now

from portal.accounts import access
from portal.accounts.models import Person, Team
from portal.accounts.permissions import Permission
from portal.audit import recorder
from portal.audit.columns import recorded
from portal.audit.recorder import Subject
from portal.core import ids, jobs
from portal.core.actors import Actor
from portal.core.errors import BadInput, NotFound
from portal.core.locking import lock
from registry.models import RegisteredModel, RiskTier
from registry.policies import names

DESCRIBE = "registry.describe_model"


def subject(row: RegisteredModel) -> Subject:
    return Subject.of("registered_model", row.pk, row.name)


def find(*, actor: Actor, name: str) -> RegisteredModel:
    """The model, if the actor may see it; `NotFound` otherwise."""
    row = RegisteredModel.objects.select_related("team", "owner").filter(name=name, deleted_at=None).first()
    if row is None:
        raise NotFound("There is no such model, or you may not see it.")
    access.require_visible(actor, row.team_id)
    return row


def note_created(*, actor: Actor, name: str, team: Team, description: str = "") -> RegisteredModel:
    """Our row of a model that MLflow has made; a deleted one of the same name comes back to life."""
    row, made = RegisteredModel.objects.get_or_create(
        name=name,
        defaults={"name_key": names.key(name), "team": team, "description": description, "owner_id": actor.person_id},
    )
    if not made and row.deleted_at is not None:
        row.deleted_at, row.team, row.owner_id = None, team, actor.person_id
        row.save(update_fields=["deleted_at", "team", "owner"])
    recorder.record(
        "registered_model.created",
        actor=actor,
        subject=subject(row),
        after={"team": team.slug} | recorded(row, {"description": description}),
    )
    return row


def note_described(*, actor: Actor, model: RegisteredModel, description: str) -> None:
    _change(actor, model, description=description)


def note_tag(*, actor: Actor, model: RegisteredModel, key: str, value: str | None) -> None:
    """Set a tag, or remove it when `value` is None."""
    tags = {k: v for k, v in model.tags.items() if k != key} | ({key: value} if value is not None else {})
    _change(actor, model, tags=tags)


def note_tags(*, actor: Actor, model: RegisteredModel, tags: dict[str, str]) -> None:
    """All tags, as MLflow has them."""
    _change(actor, model, tags=tags)


def note_renamed(*, actor: Actor, model: RegisteredModel, name: str) -> None:
    _change(actor, model, name=name, name_key=names.key(name))


def note_deleted(*, actor: Actor, model: RegisteredModel) -> None:
    RegisteredModel.objects.filter(pk=model.pk).update(deleted_at=Now())
    recorder.record("registered_model.deleted", actor=actor, subject=subject(model))


def _change(actor: Actor, model: RegisteredModel, **columns: object) -> None:
    row = lock(RegisteredModel.objects.filter(pk=model.pk))
    before = recorded(row, {name: getattr(row, name) for name in columns})
    for name, value in columns.items():
        setattr(row, name, value)
    row.save(update_fields=[*columns, "changed_at"])
    recorder.record(
        "registered_model.changed", actor=actor, subject=subject(row), before=before, after=recorded(row, columns)
    )


@transaction.atomic
def edit(*, actor: Actor, name: str, description: str, tier: str, owner_id: int | None) -> RegisteredModel:
    """Change what people keep about a model: description, risk tier and owner. Who may decide may lower the tier."""
    row = find(actor=actor, name=name)
    access.require(actor, Permission.MODELS_EDIT, row.team_id)
    if tier not in RiskTier.values:
        raise BadInput(f"The tier must be one of: {', '.join(RiskTier.values)}.", fields={"tier": "unknown"})
    if RiskTier.values.index(tier) < RiskTier.values.index(row.tier):
        access.require(actor, Permission.PROMOTIONS_DECIDE, row.team_id)  # the tier says which policy holds
    if len(description) > 5000:
        raise BadInput("The description has at most 5,000 characters.", fields={"description": "too long"})
    if owner_id is not None and not Person.objects.filter(pk=owner_id, is_active=True).exists():
        raise BadInput("The owner must be an active person.", fields={"owner": "unknown"})
    described = description != row.description
    _change(actor, row, description=description, tier=tier, owner_id=owner_id)
    row.refresh_from_db()
    if described:
        jobs.enqueue(DESCRIBE, key=f"{DESCRIBE}:{row.pk}:{ids.new_id()}", args={"model": row.pk}, max_attempts=20)
    return row
