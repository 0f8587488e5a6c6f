"""Aliases: where a name points, since when, by whom and why. The history is append-only; the newest entry holds."""

from datetime import datetime

from django.db import transaction

from portal.audit import recorder
from portal.audit.recorder import Subject
from portal.core import clock, leases, work
from portal.core.actors import Actor
from portal.core.leases import Lease, LeaseLost
from registry.models import AliasAssignment, AliasState, ModelVersion, RegisteredModel


def subject(model: RegisteredModel) -> Subject:
    return Subject.of("registered_model", model.pk, model.name)


def point(*, model: RegisteredModel, alias: str, version: ModelVersion, actor: Actor, reason: str) -> AliasAssignment:
    """Point `alias` at `version` in the caller's transaction; a reconciler makes MLflow agree afterwards."""
    row = note_pointed(actor=actor, model=model, alias=alias, version=version, reason=reason)
    state, _ = AliasState.objects.update_or_create(
        model=model, alias=alias, defaults={"desired": version, "next_reconcile_at": clock.now()}
    )
    work.ring("registry.alias", state.pk)
    return row


def note_pointed(
    *, actor: Actor, model: RegisteredModel, alias: str, version: ModelVersion, reason: str
) -> AliasAssignment:
    """The entry of an alias that has moved, or is about to; in the caller's transaction."""
    before = AliasAssignment.objects.filter(model=model, alias=alias).first()
    row = AliasAssignment.objects.create(
        model=model, alias=alias, version=version, actor=actor.id, actor_label=actor.label, reason=reason[:500]
    )
    recorder.record(
        "alias.pointed",
        actor=actor,
        subject=subject(model),
        data={"alias": alias, "version": version.number},
        before={"version": before.version.number if before and before.version else None},
        after={"version": version.number},
        reason=reason,
    )
    return row


def note_deleted(*, actor: Actor, model: RegisteredModel, alias: str, reason: str) -> None:
    """The entry of an alias that is gone."""
    AliasAssignment.objects.create(
        model=model, alias=alias, version=None, actor=actor.id, actor_label=actor.label, reason=reason[:500]
    )
    recorder.record("alias.deleted", actor=actor, subject=subject(model), data={"alias": alias}, reason=reason)


def current(model: RegisteredModel) -> dict[str, AliasAssignment]:
    """Where each alias of the model points now."""
    newest = AliasAssignment.objects.filter(model=model).order_by("alias", "-id").distinct("alias")
    return {row.alias: row for row in newest.select_related("version") if row.version_id}


def at(model: RegisteredModel, alias: str, when: datetime | None = None) -> ModelVersion | None:
    """The version the alias pointed to at `when` (None: now); None when it pointed nowhere."""
    rows = AliasAssignment.objects.filter(model=model, alias=alias).select_related("version")
    row = (rows if when is None else rows.filter(at__lte=when)).first()
    return row.version if row else None


@transaction.atomic
def observe(lease: Lease, number: int | None) -> None:
    """Note where MLflow was seen to point an alias. An observation, so nothing is logged."""
    leases.guard(lease)
    AliasState.objects.filter(pk=lease.pk).update(observed_number=number, observed_at=clock.now())


@transaction.atomic
def wrote(lease: Lease) -> None:
    """To be told of each write to MLflow, which takes one from anybody at any time.

    Where it came after the worker had been replaced, nobody knows what stands there: it is looked at soon, and what
    the late one has left there is nobody's drift.
    """
    try:
        leases.guard(lease)
    except LeaseLost:
        AliasState.objects.filter(pk=lease.pk).update(observed_number=None, next_reconcile_at=clock.now())
        work.ring("registry.alias", lease.pk)
