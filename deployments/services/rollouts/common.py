"""What all verbs of a rollout share: its subject in the log, finding it, locking it, and the holds on its version."""

from deployments.models import Endpoint, PromotionRequest, Rollout
from deployments.states import rollout as states
from portal.audit.recorder import Subject
from portal.core import actors, leases
from portal.core.actors import Actor
from portal.core.leases import Lease
from portal.core.locking import lock
from registry.services import holds

NOT_BACK = " It is not back yet: "
"""Stands in the note of a rollout on its way back between why it was given up and what keeps it there."""


def given_up(note: str) -> str:
    """Why a rollout was given up, by its note."""
    return note.partition(NOT_BACK)[0]


def subject(row: Rollout) -> Subject:
    return Subject.of("rollout", row.pk, str(row))


def hold(request: PromotionRequest, *, actor: Actor) -> None:
    """Keep the version from being deleted while it is under review."""
    holds.hold(
        version=request.version,
        holder=f"promotion:{request.pk}",
        why=f"under review in request #{request.pk}",
        actor=actor,
    )


def lift(request: PromotionRequest, *, actor: Actor) -> None:
    holds.lift(version=request.version, holder=f"promotion:{request.pk}", actor=actor)


def active(endpoint: Endpoint) -> Rollout | None:
    return Rollout.objects.filter(endpoint=endpoint, status__in=states.ACTIVE).first()


def load(pk: int) -> Rollout:
    return Rollout.objects.select_related(
        "endpoint__environment",
        "endpoint__model",
        "endpoint__stable__version",
        "from_revision__version",
        "to_revision__version__model",
        "request",
    ).get(pk=pk)


def locked(pk: int, lease: Lease | None = None) -> Rollout:
    """The rollout under its locks; with a lease, this worker's lease proven."""
    endpoint, request = Rollout.objects.values_list("endpoint_id", "request_id").get(pk=pk)
    lock(Endpoint.objects.filter(pk=endpoint))
    if request:
        lock(PromotionRequest.objects.filter(pk=request))
    if lease is not None:
        leases.guard(lease)
    else:
        lock(Rollout.objects.filter(pk=pk))
    return load(pk)


def system(row: Rollout) -> Actor:
    return actors.system(f"rollout {row.pk}, started by {row.started_by_label}")
