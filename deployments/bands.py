"""The freeze of an environment, as a band over every page that is about something in it."""

from collections.abc import Mapping
from typing import Any

from deployments.models import Endpoint, PromotionRequest
from deployments.policies.freezes import Frozen
from deployments.selectors import environments
from deployments.selectors.environments import EnvironmentView
from deployments.services.promotions import Preview
from portal.ui import nav
from portal.ui.nav import Band


def freeze(shown: Mapping[str, Any]) -> Band | None:
    """By what views give their pages: the `view` of an environment, an `endpoint`, the `row` of a request, or the
    `preview` of one."""
    found = _frozen(shown)
    return Band("deployments/_freeze.html", {"frozen": found}) if found else None


def _frozen(shown: Mapping[str, Any]) -> Frozen | None:
    match shown.get("view") or shown.get("endpoint") or shown.get("row") or shown.get("preview"):
        case EnvironmentView() as view:
            return view.frozen
        case Endpoint() as endpoint:
            return environments.frozen_now(endpoint.environment_id, endpoint.model.tier)
        case PromotionRequest() as request:
            return environments.frozen_now(request.endpoint.environment_id, request.version.model.tier)
        case Preview() as preview:
            return environments.frozen_now(preview.environment.pk, preview.version.model.tier)
    return None


nav.band(freeze)
