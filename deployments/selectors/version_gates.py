"""What a version would meet in each environment, as the gates answer a client, without asking for anything."""

from dataclasses import dataclass
from typing import Any

from deployments.models import Endpoint, Environment
from deployments.selectors import facts, policies
from deployments.selectors.promotions import shown_checks
from portal.accounts import access
from portal.core.actors import Actor
from portal.core.errors import NotFound, Refused
from registry.models import ModelVersion


@dataclass(frozen=True, slots=True)
class Standing:
    """The gates and built-in checks of one environment; `serves` when the version is what serves there already.

    `closed` says why nothing can be asked for there at all.
    """

    environment: Environment
    checks: list[dict[str, Any]]
    serves: bool = False
    closed: str = ""

    @property
    def passed(self) -> int:
        return sum(check["verdict"] == "pass" for check in self.checks)

    @property
    def open(self) -> list[dict[str, Any]]:
        """What did not simply pass, the worst first."""
        return [check for check in self.checks if check["verdict"] != "pass"]

    @property
    def tone(self) -> str:
        return str(self.checks[0]["tone"]) if self.checks else "mute"


def of(*, actor: Actor, model: str, number: int) -> tuple[ModelVersion, list[Standing]]:
    """The version, and how it stands in every environment; `NotFound` when the actor may not see it."""
    row = ModelVersion.objects.filter(model__name=model, number=number, deleted_at=None).select_related("model__team")
    version = row.filter(model__deleted_at=None).first()
    if version is None:
        raise NotFound("This does not exist, or you may not see it.")
    access.require_visible(actor, version.model.team_id)
    primary = Endpoint.objects.filter(model=version.model, primary=True).select_related("stable__version__model")
    endpoints = {endpoint.environment_id: endpoint for endpoint in primary}
    return version, [_standing(version, where, endpoints.get(where.pk)) for where in Environment.objects.all()]


def _standing(version: ModelVersion, where: Environment, found: Endpoint | None) -> Standing:
    endpoint = found or Endpoint(environment=where, name=version.model.name[:60], model=version.model, primary=True)
    try:
        held = policies.pin(policies.in_force(where.pk, version.model.tier))
    except Refused as error:
        return Standing(where, [], closed=error.message)
    evidence = facts.evidence(endpoint=endpoint, environment=where, candidate=version, policy=held)
    champion = evidence["champion"]
    return Standing(where, shown_checks(evidence), serves=bool(champion) and champion["number"] == version.number)
