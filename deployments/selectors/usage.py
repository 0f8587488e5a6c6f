"""Where a version, a model or data is used: for the panels that the registry's pages show."""

from dataclasses import dataclass

from django.db.models import Q

from deployments.models import Bypass, Endpoint, Environment, PromotionRequest
from deployments.policies import asking as policy
from deployments.selectors import bypasses, endpoints, requests
from deployments.states import bypass as bypass_states
from portal.accounts import access
from portal.core.actors import Actor
from portal.core.errors import NotFound
from registry.models import DataSetVersion, ModelVersion, RegisteredModel
from registry.services import datasets

RECENT = 5
MOST = 200


@dataclass(frozen=True, slots=True)
class Place:
    """An endpoint of the model, and as what a version stands behind it: champion, rollback target or ""."""

    endpoint: Endpoint
    role: str
    version: ModelVersion | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """`open_in` are the environments for which the actor can ask for a promotion; `bypasses` are the version's."""

    model: RegisteredModel
    version: ModelVersion | None
    places: list[Place]
    requests: list[PromotionRequest]
    bypasses: list[Bypass]
    open_in: list[Environment]


@dataclass(frozen=True, slots=True)
class Resting:
    """What rests on data: the endpoints behind which versions stand that were made from it or evaluated on it, and the
    newest requests for such versions.
    """

    data: DataSetVersion
    places: list[Place]
    requests: list[PromotionRequest]


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


def of_data(*, actor: Actor, name: str, number: int) -> Resting:
    """What rests on this version of the data set, as far as the actor may see it."""
    data = datasets.find_version(actor=actor, name=name, number=number)
    made = ModelVersion.objects.filter(run__data_uses__version=data, deleted_at=None)
    judged = ModelVersion.objects.filter(evaluations__data=data, deleted_at=None)
    found = set(made.values_list("pk", flat=True)) | set(judged.values_list("pk", flat=True))
    near = endpoints.visible(actor).filter(Q(stable__version__in=found) | Q(previous__version__in=found))
    asked = requests.visible(actor).filter(version__in=found).order_by("-id")
    return Resting(data, [place for row in near[:MOST] for place in _behind(row, found)], list(asked[:MOST]))


def _behind(endpoint: Endpoint, found: set[int]) -> list[Place]:
    both = [("champion", endpoint.stable), ("rollback target", endpoint.previous)]
    return [Place(endpoint, role, row.version) for role, row in both if row is not None and row.version_id in found]
