"""Aliases: where a name points, since when, by whom and why. The history is append-only; the newest entry holds."""

from portal.audit import recorder
from portal.audit.recorder import Subject
from portal.core import clock, work
from portal.core.actors import Actor
from registry.models import AliasAssignment, AliasState, ModelVersion, RegisteredModel


def subject(model: RegisteredModel) -> Subject:
    return Subject.of("registered_model", model.pk, model.name)


def point(*, model: RegisteredModel, alias: str, version: ModelVersion, actor: Actor, reason: str) -> AliasAssignment:
    """Point `alias` at `version` in the caller's transaction; a reconciler makes MLflow agree afterwards."""
    before = AliasAssignment.objects.filter(model=model, alias=alias).first()
    row = AliasAssignment.objects.create(
        model=model, alias=alias, version=version, actor=actor.id, actor_label=actor.label, reason=reason[:500]
    )
    state, _ = AliasState.objects.update_or_create(
        model=model, alias=alias, defaults={"desired": version, "next_reconcile_at": clock.now()}
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
    work.ring("registry.alias", state.pk)
    return row
