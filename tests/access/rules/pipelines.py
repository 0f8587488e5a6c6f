"""Evaluations and batch predictions."""

from collections.abc import Mapping
from typing import Any

from registry.services import batch_predictions, evaluations
from tests import world as make
from tests.access.rules.registry import EDITORS, INSIDE, SEES_MODELS, TOKENS_INSIDE
from tests.access_matrix import SCOPES, World, call, page


def runs(scope: str) -> dict[str, Any]:
    """What takes the permission of this scope; tokens that see models are told so, the others find nothing."""
    refused = {f"token:{other}": 403 for other in SEES_MODELS if other != scope}
    return {"may": EDITORS, "outsider": 404, "scopes": (scope,), "scope_otherwise": 404, "special": refused}


RUNS, PREDICTS = runs("evaluate"), runs("batch_predict")


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


def batch(world: World) -> Mapping[str, Any]:
    return {"number": world.batch.pk}


def batch_asked(world: World) -> Mapping[str, Any]:
    return {"model": world.model.name, "version": 1, "data_set": world.ready_data.data_set.name, "data_version": 1}


def batch_cancelled(world: World) -> None:
    batch_predictions.cancel(actor=make.SYSTEM, number=world.batch.pk)


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
    page("pipelines:batch_predictions"),
    page("pipelines:batch_prediction_new"),
    page("pipelines:batch_prediction_new", query=named, may=EDITORS, outsider=404, case="named"),
    page("pipelines:batch_prediction_new", "POST", query=named, send=lambda w: {}, may=EDITORS, ok=303, outsider=404),
    page("pipelines:batch_prediction", kwargs=batch, **INSIDE),
    page("pipelines:batch_prediction_file", kwargs=batch, may=EDITORS, ok=409, outsider=404),
    page("pipelines:batch_prediction_cancel", "POST", kwargs=batch, may=EDITORS, ok=303, outsider=404),
    page(
        "pipelines:batch_prediction_resume", "POST", kwargs=batch, may=EDITORS, ok=303, outsider=404,
        before=batch_cancelled,
    ),
    call("api:pipelines_api:batch_predictions", scopes=SCOPES),
    call("api:pipelines_api:batch_predictions", "POST", send=batch_asked, **PREDICTS | {"ok": 202}),
    call("api:pipelines_api:batch_prediction", kwargs=batch, **TOKENS_INSIDE),
    call("api:pipelines_api:batch_prediction_file", kwargs=batch, **PREDICTS | {"ok": 409}),
    call("api:pipelines_api:batch_prediction_cancel", "POST", kwargs=batch, **PREDICTS),
    call("api:pipelines_api:batch_prediction_resume", "POST", kwargs=batch, before=batch_cancelled,
         **PREDICTS | {"ok": 202}),
)  # fmt: skip
