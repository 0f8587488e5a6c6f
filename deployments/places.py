"""The pages behind the subjects of this app's events."""

from django.urls import reverse

from deployments.models import Endpoint, Environment, Rollout
from portal.audit import places


def _endpoint(row: Endpoint | None) -> str:
    return reverse("deployments:endpoint", args=[row.environment.name, row.name]) if row else ""


def endpoint(pk: str) -> str:
    return _endpoint(Endpoint.objects.select_related("environment").filter(pk=int(pk)).first())


def rollout(pk: str) -> str:
    """Rollouts are shown by their endpoint."""
    row = Rollout.objects.select_related("endpoint__environment").filter(pk=int(pk)).first()
    return _endpoint(row.endpoint) if row else ""


def environment(pk: str) -> str:
    row = Environment.objects.filter(pk=int(pk)).first()
    return reverse("deployments:environment", args=[row.name]) if row else ""


def register() -> None:
    places.register("promotion_request", lambda pk: reverse("deployments:promotion", args=[int(pk)]))
    places.register("bypass", lambda pk: reverse("deployments:bypass", args=[int(pk)]))
    places.register("endpoint", endpoint)
    places.register("rollout", rollout)
    places.register("environment", environment)
    places.register("policy", lambda pk: reverse("deployments:policy", args=[int(pk)]))
    places.register("policy_version", lambda pk: reverse("deployments:policy_change", args=[int(pk)]))
