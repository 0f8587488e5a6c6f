"""Models, versions, aliases and runs."""

from collections.abc import Mapping
from typing import Any

from tests.access_matrix import INSIDERS, LEAD, SCIENTIST, SCOPES, World, call, page

EDITORS = (SCIENTIST, LEAD)
SEES_MODELS = ("read", "mlflow", "promote", "endpoints")


def model(world: World) -> Mapping[str, Any]:
    return {"name": world.model.name}


def version(world: World) -> Mapping[str, Any]:
    return {"name": world.model.name, "number": 1}


def alias(world: World) -> Mapping[str, Any]:
    return {"name": world.model.name, "alias": "champion"}


def run(world: World) -> Mapping[str, Any]:
    return {"run_id": world.run.run_id}


INSIDE: dict[str, Any] = {"may": INSIDERS, "outsider": 404}
TOKENS_INSIDE = INSIDE | {"scopes": SEES_MODELS, "scope_otherwise": 404}

RULES = (
    page("registry:models"),
    page("registry:model", kwargs=model, **INSIDE),
    page("registry:edit", may=EDITORS, outsider=404, kwargs=model),
    page("registry:edit", "POST", may=EDITORS, ok=302, outsider=404, kwargs=model, send=lambda w: {"tier": "high"}),
    page("registry:compare", kwargs=model, **INSIDE),
    page("registry:version", kwargs=version, **INSIDE),
    page("registry:alias_history", kwargs=alias, **INSIDE),
    page("registry:alias", ok=302, kwargs=alias, **INSIDE),
    page("registry:run", kwargs=run, **INSIDE),
    page("registry:artifact", kwargs=run, query=lambda w: {"path": "report.txt"}, **INSIDE),
    call("api:registry_api:models", scopes=SCOPES),
    call("api:registry_api:model", kwargs=model, **TOKENS_INSIDE),
    call(
        "api:registry_api:model", "PATCH", may=EDITORS, outsider=404, kwargs=model, send=lambda w: {"tier": "high"},
        scopes=("mlflow",), special=dict.fromkeys(("token:read", "token:promote", "token:endpoints"), 403),
        scope_otherwise=404,
    ),
    call("api:registry_api:versions", kwargs=model, **TOKENS_INSIDE),
    call("api:registry_api:version", kwargs=version, **TOKENS_INSIDE),
    call("api:registry_api:aliases", kwargs=model, **TOKENS_INSIDE),
    call("api:registry_api:run", kwargs=run, **TOKENS_INSIDE),
)  # fmt: skip
