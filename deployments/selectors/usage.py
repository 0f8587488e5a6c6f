"""Where a version, a model or data is used: for the panels that the registry's pages show."""

from dataclasses import dataclass

from django.db.models import Q

from deployments.models import Bypass, Endpoint, Environment, PolicyVersion, PromotionRequest
from deployments.policies import asking as policy
from deployments.selectors import bypasses, endpoint_list, endpoints, policies, requests
from deployments.selectors.endpoints import Live
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
    """`open_in` are the environments for which the actor can ask for a promotion. A version has `places` and
    `bypasses`; a model has its endpoints as they are now (`live`), and the policies that hold for it."""

    model: RegisteredModel
    version: ModelVersion | None
    places: list[Place]
    requests: list[PromotionRequest]
    bypasses: list[Bypass]
    open_in: list[Environment]
    live: list[Live]
    policies: list[PolicyVersion]


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
    behind = endpoints.visible(actor).filter(model=row) if version is not None else []
    places = [Place(endpoint, _role(endpoint, version)) for endpoint in behind]
    return Usage(
        model=row,
        version=version,
        places=[place for place in places if place.role],
        requests=list(asked[:RECENT]),
        bypasses=_bypasses(actor, version),
        open_in=list(Environment.objects.all()) if policy.may_submit(actor, row.team_id) else [],
        live=endpoint_list.page(actor, endpoint_list.Filter(model=row.name), 0)[0] if version is None else [],
        policies=_policies(row) if version is None else [],
    )


def _policies(model: RegisteredModel) -> list[PolicyVersion]:
    """What holds for models of this risk tier, by environment."""
    by_tier = [{found.policy.tier: found for found in held} for held in policies.all_in_force().values()]
    holding = [found.get(model.tier) or found.get("") for found in by_tier]
    return sorted((row for row in holding if row), key=lambda row: row.policy.environment.position)


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
        return ""
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
