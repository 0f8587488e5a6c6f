"""Evaluations."""

from collections.abc import Mapping
from typing import Any

from registry.services import evaluations
from tests import world as make
from tests.access.rules.registry import EDITORS, INSIDE, SEES_MODELS, TOKENS_INSIDE
from tests.access_matrix import SCOPES, World, call, page

REFUSED = {f"token:{scope}": 403 for scope in SEES_MODELS if scope != "evaluate"}
RUNS: dict[str, Any] = {
    "may": EDITORS, "outsider": 404, "scopes": ("evaluate",), "scope_otherwise": 404, "special": REFUSED,
}  # fmt: skip


def one(world: World) -> Mapping[str, Any]:
    return {"number": world.evaluation.pk}


def named(world: World) -> Mapping[str, Any]:
    return {"version": f"{world.model.name}:1", "data": f"{world.ready_data.data_set.name}:1"}


def asked(world: World) -> Mapping[str, Any]:
    return {
        "model": world.model.name,
        "version": 1,
        "data_set": world.ready_data.data_set.name,
        "data_version": 1,
        "settings": {"task": "classification", "target": "label"},
    }


def cancelled(world: World) -> None:
    evaluations.cancel(actor=make.SYSTEM, number=world.evaluation.pk)


FORM = {"task": "classification", "target": "label", "threshold": "0.5"}
RULES = (
    page("pipelines:evaluations"),
    page("pipelines:evaluation_new"),
    page("pipelines:evaluation_new", query=named, may=EDITORS, outsider=404, case="named"),
    page(
        "pipelines:evaluation_new", "POST", query=named, send=lambda w: FORM, may=EDITORS, ok=303, outsider=404,
    ),
    page("pipelines:evaluation", kwargs=one, **INSIDE),
    page("pipelines:version_evaluations", kwargs=lambda w: {"name": w.model.name, "number": 1}, **INSIDE),
    page("pipelines:evaluation_cancel", "POST", kwargs=one, may=EDITORS, ok=303, outsider=404),
    page(
        "pipelines:evaluation_retry", "POST", kwargs=one, may=EDITORS, ok=303, outsider=404, before=cancelled,
    ),
    call("api:pipelines_api:evaluations", scopes=SCOPES),
    call("api:pipelines_api:evaluations", "POST", send=asked, **RUNS | {"ok": 202}),
    call("api:pipelines_api:evaluation", kwargs=one, **TOKENS_INSIDE),
    call("api:pipelines_api:evaluation_report", kwargs=one, **TOKENS_INSIDE | {"ok": 409}),
    call("api:pipelines_api:evaluation_cancel", "POST", kwargs=one, **RUNS),
    call("api:pipelines_api:evaluation_retry", "POST", kwargs=one, before=cancelled, **RUNS | {"ok": 202}),
)  # fmt: skip
