"""Models, versions, aliases, runs and data sets."""

from collections.abc import Mapping
from typing import Any

from tests.access_matrix import INSIDERS, LEAD, SCIENTIST, SCOPES, World, call, page

EDITORS = (SCIENTIST, LEAD)
SEES_MODELS = ("read", "mlflow", "data", "evaluate", "batch_predict", "promote", "endpoints")


def model(world: World) -> Mapping[str, Any]:
    return {"name": world.model.name}


def version(world: World) -> Mapping[str, Any]:
    return {"name": world.model.name, "number": 1}


def section(world: World) -> Mapping[str, Any]:
    return {**version(world), "section": "risks"}


def alias(world: World) -> Mapping[str, Any]:
    return {"name": world.model.name, "alias": "champion"}


def run(world: World) -> Mapping[str, Any]:
    return {"run_id": world.run.run_id}


def data_set(world: World) -> Mapping[str, Any]:
    return {"name": world.data_set.name}


def data_version(world: World) -> Mapping[str, Any]:
    return {"name": world.data_set.name, "number": 1}


def upload(world: World) -> Mapping[str, Any]:
    return {"name": world.data_set.name, "key": "0" * 32}


INSIDE: dict[str, Any] = {"may": INSIDERS, "outsider": 404}
TOKENS_INSIDE = INSIDE | {"scopes": SEES_MODELS, "scope_otherwise": 404}

SEES_WITHOUT_MLFLOW = {f"token:{scope}": 403 for scope in SEES_MODELS if scope != "mlflow"}
SEES_WITHOUT_DATA = {f"token:{scope}": 403 for scope in SEES_MODELS if scope != "data"}
REGISTERS_DATA: dict[str, Any] = {
    "may": EDITORS, "outsider": 404, "scopes": ("data",), "scope_otherwise": 404,
    "special": SEES_WITHOUT_DATA,
}  # fmt: skip

REGISTERS: dict[str, Any] = {"may": EDITORS, "outsider": 404}

RULES = (
    page("registry:models"),
    page("registry:model", kwargs=model, **INSIDE),
    page("registry:edit", may=EDITORS, outsider=404, kwargs=model),
    page("registry:edit", "POST", may=EDITORS, ok=302, outsider=404, kwargs=model, send=lambda w: {"tier": "high"}),
    page("registry:compare", kwargs=model, **INSIDE),
    page("registry:version", kwargs=version, **INSIDE),
    page("registry:scan", "POST", kwargs=version, ok=302, **REGISTERS),
    page("registry:scan_now", kwargs=version, **INSIDE),
    page("registry:bom", kwargs=version, **INSIDE),
    page("registry:statement", kwargs=version, **INSIDE),
    page("registry:card", kwargs=version, **INSIDE),
    page("registry:card_markdown", kwargs=version, **INSIDE),
    page("registry:card_edit", kwargs=section, **REGISTERS),
    page(
        "registry:card_edit", "POST", kwargs=section, send=lambda w: {"text": "None."}, **REGISTERS | {"ok": 303}
    ),
    page("registry:alias_history", kwargs=alias, **INSIDE),
    page("registry:alias", ok=302, kwargs=alias, **INSIDE),
    page("registry:run", kwargs=run, **INSIDE),
    page("registry:artifact", kwargs=run, query=lambda w: {"path": "report.txt"}, **INSIDE),
    call("api:registry_api:models", scopes=SCOPES),
    call("api:registry_api:model", kwargs=model, **TOKENS_INSIDE),
    call(
        "api:registry_api:model", "PATCH", may=EDITORS, outsider=404, kwargs=model, send=lambda w: {"tier": "high"},
        scopes=("mlflow",), special=SEES_WITHOUT_MLFLOW,
        scope_otherwise=404,
    ),
    call("api:registry_api:scan", kwargs=version, **TOKENS_INSIDE),
    call(
        "api:registry_api:scan", "POST", may=EDITORS, outsider=404, kwargs=version, ok=202, scopes=("mlflow",),
        special=SEES_WITHOUT_MLFLOW, scope_otherwise=404,
    ),
    call("api:registry_api:card", kwargs=version, **TOKENS_INSIDE),
    call(
        "api:registry_api:card_section", "PUT", may=EDITORS, outsider=404, kwargs=section, scopes=("mlflow",),
        send=lambda w: {"text": "None.", "seen": ""}, special=SEES_WITHOUT_MLFLOW, scope_otherwise=404,
    ),
    call(
        "api:registry_api:card_confirm", "POST", may=EDITORS, ok=409, outsider=404, kwargs=section, scopes=("mlflow",),
        send=lambda w: {"seen": ""}, special=SEES_WITHOUT_MLFLOW, scope_otherwise=404,
    ),
    call("api:registry_api:bom", kwargs=version, **TOKENS_INSIDE),
    call("api:registry_api:statement", kwargs=version, **TOKENS_INSIDE),
    call("api:registry_api:versions", kwargs=model, **TOKENS_INSIDE),
    call("api:registry_api:version", kwargs=version, **TOKENS_INSIDE),
    call("api:registry_api:aliases", kwargs=model, **TOKENS_INSIDE),
    call("api:registry_api:run", kwargs=run, **TOKENS_INSIDE),
    page("registry:data_sets"),
    page("registry:data_set", kwargs=data_set, **INSIDE),
    page("registry:data_version", kwargs=data_version, **INSIDE),
    page("registry:data_set_new", may=(*EDITORS, "outsider")),
    page("registry:data_set_new", "POST", may=(*EDITORS, "outsider"), ok=422),
    page("registry:data_set_edit", kwargs=data_set, **REGISTERS),
    page("registry:data_set_edit", "POST", kwargs=data_set, **REGISTERS | {"ok": 303}),
    page("registry:data_checks", kwargs=data_set, **REGISTERS),
    page("registry:data_checks", "POST", kwargs=data_set, **REGISTERS | {"ok": 422}),
    page("registry:data_version_new", kwargs=data_set, **REGISTERS),
    page("registry:data_version_new", "POST", kwargs=data_set, **REGISTERS | {"ok": 422}),
    page("registry:data_version_archive", ok=303, kwargs=data_version, **INSIDE),
    page("registry:data_version_archive", "POST", kwargs=data_version, **REGISTERS | {"ok": 303}),
    call("api:registry_api:data_sets", scopes=SCOPES),
    call(
        "api:registry_api:data_sets", "POST", may=EDITORS, ok=201, outsider=422, scopes=("data",),
        send=lambda w: {"name": "weather", "team": w.team.slug}, scope_otherwise=422,
        special=SEES_WITHOUT_DATA,
    ),
    call("api:registry_api:data_set", kwargs=data_set, **TOKENS_INSIDE),
    call(
        "api:registry_api:data_set", "PATCH", send=lambda w: {"licence": "CC0"}, kwargs=data_set, **REGISTERS_DATA
    ),
    call("api:registry_api:data_set_versions", kwargs=data_set, **TOKENS_INSIDE),
    call(
        "api:registry_api:data_set_versions", "POST", send=lambda w: {"folder": "/srv/flights"}, kwargs=data_set,
        **REGISTERS_DATA | {"ok": 202},
    ),
    call("api:registry_api:data_set_version", kwargs=data_version, **TOKENS_INSIDE),
    call(
        "api:registry_api:data_set_version_archive", "POST", send=lambda w: {"why": "Old."}, kwargs=data_version,
        **REGISTERS_DATA | {"ok": 409},
    ),
    call(
        "api:registry_api:data_set_uploads", "POST", send=lambda w: {"name": "a.csv", "size": 3}, kwargs=data_set,
        **REGISTERS_DATA | {"ok": 201},
    ),
    call("api:registry_api:data_set_upload", kwargs=upload, **REGISTERS_DATA | {"ok": 404}),
    call("api:registry_api:data_set_upload", "PUT", kwargs=upload, **REGISTERS_DATA | {"ok": 404}),
    call("api:registry_api:data_set_checks", kwargs=data_set, **TOKENS_INSIDE),
    call(
        "api:registry_api:data_set_checks", "PUT", send=lambda w: {"checks": []}, kwargs=data_set, **REGISTERS_DATA
    ),
)  # fmt: skip
