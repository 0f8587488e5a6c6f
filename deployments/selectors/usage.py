"""Where a version or a model is used: for the panels that the registry's pages show."""

from dataclasses import dataclass

from deployments.models import Bypass, Endpoint, Environment, PromotionRequest
from deployments.policies import asking as policy
from deployments.selectors import bypasses, endpoints, requests
from deployments.states import bypass as bypass_states
from portal.accounts import access
from portal.core.actors import Actor
from portal.core.errors import NotFound
from registry.models import ModelVersion, RegisteredModel

RECENT = 5


@dataclass(frozen=True, slots=True)
class Place:
    """An endpoint of the model, and as what the version stands behind it: champion, rollback target or ""."""

    endpoint: Endpoint
    role: str


@dataclass(frozen=True, slots=True)
class Usage:
    """`open_in` are the environments for which the actor can ask for a promotion; `bypasses` are the version's."""

    model: RegisteredModel
    version: ModelVersion | None
    places: list[Place]
    requests: list[PromotionRequest]
    bypasses: list[Bypass]
    open_in: list[Environment]


def of(*, actor: Actor, model: str, number: int | None = None) -> Usage:
    """The endpoints and requests of a model, or of one of its versions."""
    row = RegisteredModel.objects.filter(name=model, deleted_at=None).first()
    if row is None:
        raise NotFound("This does not exist, or you may not see it.")
    access.require_visible(actor, row.team_id)
    version = _version(row, number) if number is not None else None
    asked = requests.visible(actor).filter(version__model=row).order_by("-id")
    if version is not None:
        asked = asked.filter(version=version)
    places = [Place(e, _role(e, version)) for e in endpoints.visible(actor).filter(model=row)]
    return Usage(
        model=row,
        version=version,
        places=[place for place in places if place.role or version is None],
        requests=list(asked[:RECENT]),
        bypasses=_bypasses(actor, version),
        open_in=list(Environment.objects.all()) if policy.may_submit(actor, row.team_id) else [],
    )


def _bypasses(actor: Actor, version: ModelVersion | None) -> list[Bypass]:
    """By which the version went past a gate, wherever that was; its mark stays for good."""
    if version is None:
        return []
    return list(bypasses.visible(actor).filter(request__version=version, status__in=bypass_states.USED))


def _version(model: RegisteredModel, number: int) -> ModelVersion:
    row = ModelVersion.objects.filter(model=model, number=number, deleted_at=None).first()
    if row is None:
        raise NotFound("This does not exist, or you may not see it.")
    return row


def _role(endpoint: Endpoint, version: ModelVersion | None) -> str:
    if version is None:
        return "endpoint"
    if endpoint.stable is not None and endpoint.stable.version_id == version.pk:
        return "champion"
    if endpoint.previous is not None and endpoint.previous.version_id == version.pk:
        return "rollback target"
    return ""
