"""Environments, endpoints, promotions, the inbox."""

from collections.abc import Mapping
from typing import Any

from tests.access_matrix import ADMIN, INSIDERS, LEAD, OPERATOR, SCIENTIST, SCOPES, World, call, page


def request(world: World) -> Mapping[str, Any]:
    """Version 3, asked for by the data scientist, waiting for two ML leads."""
    return {"number": world.promotion.pk}


def endpoint(world: World) -> Mapping[str, Any]:
    """Version 2 serves, version 1 is the warm former champion."""
    return {"environment": world.endpoint.environment.name, "name": world.endpoint.name}


def dossier(world: World) -> Mapping[str, Any]:
    """Asked for and not written yet."""
    return {**request(world), "pk": world.dossier.pk}


def bypass(world: World) -> Mapping[str, Any]:
    """Of the waiting request past a freeze, asked for by the data scientist, waiting for an ML lead."""
    return {"number": world.bypass.pk}


def ask_again(world: World) -> Mapping[str, Any]:
    seen = world.promotion.evidence_digest
    return {"seen": seen, "gates": ["freeze"], "reason": "It is urgent."}


def grant(world: World) -> Mapping[str, Any]:
    return {"seen": world.bypass.evidence_digest, "comment": "Go.", "exact": "flight-delay"}


def granting(world: World) -> Mapping[str, Any]:
    return {"seen": world.bypass.evidence_digest}


def judge(world: World) -> Mapping[str, Any]:
    return {"upheld": True, "comment": "It was right."}


def rollout(world: World) -> Mapping[str, Any]:
    return {"number": world.rollout.pk}


def past(world: World) -> Mapping[str, Any]:
    """A rollout that is over, so that those who may steer it hear so."""
    return {**endpoint(world), **rollout(world)}


def end(world: World) -> Mapping[str, Any]:
    return {"reason_code": "quality"}


def became_true(world: World) -> Mapping[str, Any]:
    """One outcome of a prediction nobody here has heard of."""
    known = {"prediction_id": "0199a5a0-0000-7000-8000-000000000001", "occurred_at": "2026-01-01T00:00:00Z"}
    return {**target_endpoint(world), "outcomes": [{**known, "label": 1}]}


def target_endpoint(world: World) -> Mapping[str, Any]:
    return {"environment": world.endpoint.environment.name, "endpoint": world.endpoint.name}


def seen_paused(world: World) -> Mapping[str, Any]:
    return {"expect_step": world.rollout.step, "expect_pause": "asked"}


def hurry(world: World) -> Mapping[str, Any]:
    return {"reason": "We are late.", "expect_step": world.rollout.step}


def target(world: World) -> Mapping[str, Any]:
    return {"model": world.model.name, "version": 4, "environment": "production"}


def ask(world: World) -> Mapping[str, Any]:
    return {**target(world), "why": "Better still."}


def refuse(world: World) -> Mapping[str, Any]:
    return {"seen": world.promotion.evidence_digest, "comment": "Not yet."}


def back(world: World) -> Mapping[str, Any]:
    return {"expect_generation": world.endpoint.generation, "reason_code": "quality"}


def reason(world: World) -> Mapping[str, Any]:
    return {"reason": "The cause is known."}


def hours(world: World) -> Mapping[str, Any]:
    return {"hours": 12}


def new_endpoint(world: World) -> Mapping[str, Any]:
    return {"environment": "staging", "name": "flight-delay", "model": world.model.name}


def key(world: World) -> Mapping[str, Any]:
    """Of a caller of the endpoint, in force."""
    return {**endpoint(world), "key_id": world.key.pk}


def new_key(world: World) -> Mapping[str, Any]:
    return {"name": "check-in desk", "days": 30}


def serves(world: World) -> Mapping[str, Any]:
    return {"replicas_max": 2}


def new_plan(world: World) -> Mapping[str, Any]:
    return {"name": "halves", "body": {"steps": [{"do": "weight", "weight": 5000}, {"do": "switch"}]}}


def a_plan(world: World) -> Mapping[str, Any]:
    return {"name": "blue-green"}


def edited_plan(world: World) -> Mapping[str, Any]:
    """As the editor sends it."""
    held = {"s0-kind": "weight", "s0-weight": "20", "s1-kind": "switch", "steps": "2", "act": "save"}
    return {"name": "fifths", **held}


def data_version(world: World) -> Mapping[str, Any]:
    return {"name": world.data_set.name, "number": 1}


PRODUCTION = {"name": "production"}
ASKERS, TAKES_PART = (SCIENTIST, LEAD), (SCIENTIST, LEAD, OPERATOR)
CREATORS, ROLLERS, KEEPERS, STEERERS = (LEAD, OPERATOR), (LEAD, OPERATOR), (LEAD, OPERATOR), (LEAD, OPERATOR)
INSIDE: dict[str, Any] = {"may": INSIDERS, "outsider": 404}
SEES_DATA = ("read", "mlflow", "data", "evaluate", "batch_predict", "promote", "endpoints")
SEES_ENDPOINTS = ("read", "promote", "rollback", "rollouts", "predict", "endpoints", "keys", "ground_truth")
SEES_BUT_MAKES_NO_KEYS = tuple(f"token:{scope}" for scope in SEES_ENDPOINTS if scope != "keys")
SEES_NO_ENDPOINT = ("mlflow", "data", "evaluate", "batch_predict", "policies", "audit")
NO_REQUEST = dict.fromkeys((f"token:{scope}" for scope in SEES_NO_ENDPOINT), 404)
NO_MODEL = dict.fromkeys(
    (
        "token:rollback",
        "token:rollouts",
        "token:predict",
        "token:keys",
        "token:ground_truth",
        "token:policies",
        "token:audit",
    ),
    404,
)
TOKENS_INSIDE = INSIDE | {"scopes": SEES_ENDPOINTS, "scope_otherwise": 404}
STEER: dict[str, Any] = {
    "may": STEERERS,
    "ok": 409,
    "outsider": 404,
    "scopes": ("rollouts",),
    "scope_otherwise": 404,
    "special": dict.fromkeys([f"token:{scope}" for scope in SEES_ENDPOINTS if scope != "rollouts"], 403),
}
"""The rollout of this world is over: 409 says that they might have."""
ALREADY_OPEN = 409
STEP_UP = 422
STEP_UP_CALL = 403
GATEWAY_AWAY = 503

PAGES = (
    page("deployments:plans"),
    page("deployments:plan", kwargs=a_plan),
    page("deployments:plan_new", may=(*STEERERS, "outsider")),
    page("deployments:plan_new", "POST", may=(*STEERERS, "outsider"), ok=303, send=edited_plan),
    page("deployments:plan_edit", kwargs=a_plan, may=(*STEERERS, "outsider")),
    page("deployments:plan_edit", "POST", kwargs=a_plan, may=(*STEERERS, "outsider"), ok=303, send=edited_plan),
    page("deployments:inbox"),
    page("deployments:promotions"),
    page("deployments:promotion_new", query=target, may=ASKERS, outsider=404),
    page("deployments:promotion_new", "POST", may=ASKERS, ok=ALREADY_OPEN, outsider=404, send=ask),
    page("deployments:promotion", kwargs=request, **INSIDE),
    page("deployments:promotion_live", kwargs=request, **INSIDE),
    page("deployments:promotion_decision", ok=303, kwargs=request),
    page(
        "deployments:promotion_decision", "POST", may=(LEAD,), ok=303, outsider=404, kwargs=request,
        send=lambda w: {**refuse(w), "decision": "reject"},
    ),
    page("deployments:promotion_sign", ok=303, kwargs=request),
    page("deployments:promotion_sign", "POST", may=(LEAD,), ok=STEP_UP, outsider=404, kwargs=request, send=refuse),
    page("deployments:promotion_withdraw", ok=303, kwargs=request),
    page("deployments:promotion_withdraw", "POST", may=ASKERS, ok=303, outsider=404, kwargs=request),
    page("deployments:promotion_resubmit", ok=303, kwargs=request),
    page(
        "deployments:promotion_resubmit", "POST", may=(SCIENTIST,), ok=409, outsider=404, kwargs=request,
        send=lambda w: {"why": "Changed."},
    ),
    page("deployments:promotion_comment", ok=303, kwargs=request),
    page(
        "deployments:promotion_comment", "POST", may=TAKES_PART, ok=303, outsider=404, kwargs=request,
        send=lambda w: {"text": "Why?"},
    ),
    page("deployments:promotion_dossier", kwargs=request, **INSIDE),
    page("deployments:promotion_dossier", "POST", ok=303, kwargs=request, **INSIDE),
    page("deployments:promotion_dossier_file", ok=404, kwargs=dossier, **INSIDE),
    page("deployments:promotion_bypass", may=ASKERS, outsider=404, kwargs=request),
    page(
        "deployments:promotion_bypass", "POST", may=ASKERS, ok=ALREADY_OPEN, outsider=404, kwargs=request,
        send=lambda w: {**ask_again(w), "hours": 1, "exact": "flight-delay"},
    ),
    page("deployments:bypasses"),
    page("deployments:bypass", kwargs=bypass, **INSIDE),
    page("deployments:bypass_grant", may=(LEAD,), otherwise=303, outsider=404, kwargs=bypass),
    page("deployments:bypass_grant", "POST", may=(LEAD,), ok=STEP_UP, outsider=404, kwargs=bypass, send=grant),
    page("deployments:bypass_refuse", ok=303, kwargs=bypass),
    page(
        "deployments:bypass_refuse", "POST", may=(LEAD,), ok=303, outsider=404, kwargs=bypass,
        send=lambda w: {"comment": "Not yet."},
    ),
    page("deployments:bypass_withdraw", ok=303, kwargs=bypass),
    page("deployments:bypass_withdraw", "POST", may=ASKERS, ok=303, outsider=404, kwargs=bypass),
    page("deployments:bypass_review", ok=303, kwargs=bypass),
    page(
        "deployments:bypass_review", "POST", may=(LEAD,), ok=409, outsider=404, kwargs=bypass,
        send=lambda w: {"outcome": "upheld", "comment": "It was right."},
    ),
    page("deployments:environments"),
    page("deployments:environment_plan", kwargs=lambda w: PRODUCTION, may=(ADMIN,)),
    page(
        "deployments:environment_plan", "POST", kwargs=lambda w: PRODUCTION, may=(ADMIN,), ok=303,
        send=lambda w: {"plan": "canary"},
    ),
    page("deployments:environment", kwargs=lambda w: PRODUCTION),
    page("deployments:environment_drills", ok=303, kwargs=lambda w: PRODUCTION),
    page("deployments:environment_drills", "POST", may=(ADMIN,), ok=303, kwargs=lambda w: PRODUCTION, send=hours),
    page("deployments:endpoints"),
    page("deployments:endpoint_new", may=(*CREATORS, "outsider")),
    page("deployments:endpoint_new", "POST", may=CREATORS, ok=303, outsider=404, send=new_endpoint),
    page("deployments:endpoint", kwargs=endpoint, **INSIDE),
    page("deployments:endpoint_live", kwargs=endpoint, **INSIDE),
    page("deployments:endpoint_try", ok=303, kwargs=endpoint, **INSIDE),
    page(
        "deployments:endpoint_try", "POST", may=TAKES_PART, ok=GATEWAY_AWAY, outsider=404, kwargs=endpoint,
        send=lambda w: {"payload": "{}"},
    ),
    page("deployments:endpoint_serving", kwargs=endpoint, **INSIDE),
    page(
        "deployments:endpoint_serving", "POST", may=CREATORS, ok=303, outsider=404, kwargs=endpoint, send=serves
    ),
    page("deployments:endpoint_keys", kwargs=endpoint, **INSIDE),
    page("deployments:endpoint_key_new", may=KEEPERS, outsider=404, kwargs=endpoint),
    page("deployments:endpoint_key_new", "POST", may=KEEPERS, ok=STEP_UP, outsider=404, kwargs=endpoint, send=new_key),
    page("deployments:endpoint_key_revoke", may=KEEPERS, outsider=404, kwargs=key),
    page("deployments:endpoint_key_revoke", "POST", may=KEEPERS, ok=302, outsider=404, kwargs=key),
    page("deployments:rollout_pause", kwargs=past, **INSIDE),
    page("deployments:rollout_pause", "POST", may=STEERERS, ok=409, outsider=404, kwargs=past),
    page("deployments:rollout_resume", ok=303, kwargs=past, **INSIDE),
    page("deployments:rollout_resume", "POST", may=STEERERS, ok=409, outsider=404, kwargs=past, send=seen_paused),
    page("deployments:rollout_abort", kwargs=past, **INSIDE),
    page("deployments:rollout_abort", "POST", may=STEERERS, ok=409, outsider=404, kwargs=past, send=end),
    page("deployments:rollout_advance", kwargs=past, **INSIDE),
    page("deployments:rollout_advance", "POST", may=STEERERS, ok=409, outsider=404, kwargs=past, send=hurry),
    page("deployments:rollout_advance_withdraw", ok=303, kwargs=past, **INSIDE),
    page("deployments:rollout_advance_withdraw", "POST", may=STEERERS, ok=409, outsider=404, kwargs=past),
    page("deployments:endpoint_rollback", kwargs=endpoint, **INSIDE),
    page("deployments:endpoint_rollback", "POST", may=ROLLERS, ok=303, outsider=404, kwargs=endpoint, send=back),
    page("deployments:endpoint_rollback_versions", kwargs=endpoint, **INSIDE),
    page("deployments:endpoint_rehearse", ok=303, kwargs=endpoint, **INSIDE),
    page("deployments:endpoint_rehearse", "POST", may=ROLLERS, ok=303, outsider=404, kwargs=endpoint),
    page("deployments:endpoint_release", kwargs=endpoint, **INSIDE),
    page("deployments:endpoint_release", "POST", may=STEERERS, ok=409, outsider=404, kwargs=endpoint, send=reason),
    page("deployments:rollout_shadow", kwargs=lambda w: {**endpoint(w), **rollout(w)}, ok=404, **INSIDE),
    page("deployments:rollout_ab_test", kwargs=lambda w: {**endpoint(w), **rollout(w)}, ok=404, **INSIDE),
    page("deployments:model_usage", kwargs=lambda w: {"model": w.model.name}, **INSIDE),
    page("deployments:version_usage", kwargs=lambda w: {"model": w.model.name, "number": 1}, **INSIDE),
    page("deployments:version_gates", kwargs=lambda w: {"model": w.model.name, "number": 1}, **INSIDE),
    page("deployments:data_usage", kwargs=data_version, **INSIDE),
)  # fmt: skip

CALLS = (
    call("api:deployments_api:environments", scopes=SCOPES),
    call(
        "api:deployments_api:environment_plan", "POST", kwargs=lambda w: PRODUCTION, may=(ADMIN,),
        send=lambda w: {"plan": "canary"},
    ),
    call("api:deployments_api:environments", "POST", may=(ADMIN,), ok=422, send=lambda w: {"name": "qa", "rules": {}}),
    call("api:deployments_api:environment", scopes=SCOPES, kwargs=lambda w: PRODUCTION),
    call("api:deployments_api:endpoints", scopes=SCOPES),
    call(
        "api:deployments_api:endpoints", "POST", may=CREATORS, ok=201, outsider=404, send=new_endpoint,
        scopes=("endpoints",), special=NO_MODEL,
    ),
    call("api:deployments_api:endpoint", kwargs=endpoint, **TOKENS_INSIDE),
    call("api:deployments_api:endpoint_history", kwargs=endpoint, **TOKENS_INSIDE),
    call("api:deployments_api:endpoint_rollback", kwargs=endpoint, **TOKENS_INSIDE),
    call(
        "api:deployments_api:endpoint_rollback", "POST", may=ROLLERS, ok=201, outsider=404, kwargs=endpoint, send=back,
        scopes=("rollback",), scope_otherwise=404,
        special=dict.fromkeys([f"token:{scope}" for scope in SEES_ENDPOINTS if scope != "rollback"], 403),
    ),
    call("api:deployments_api:endpoint_rollback_versions", kwargs=endpoint, **TOKENS_INSIDE),
    call("api:deployments_api:endpoint_drills", kwargs=endpoint, **TOKENS_INSIDE),
    call(
        "api:deployments_api:endpoint_drills", "POST", may=ROLLERS, ok=202, outsider=404, kwargs=endpoint,
        scopes=("rollback",), scope_otherwise=404,
        special=dict.fromkeys([f"token:{scope}" for scope in SEES_ENDPOINTS if scope != "rollback"], 403),
    ),
    call(
        "api:deployments_api:endpoint_release", "POST", may=STEERERS, ok=409, outsider=404, kwargs=endpoint,
        send=reason, scope_otherwise=404, special=dict.fromkeys([f"token:{scope}" for scope in SEES_ENDPOINTS], 403),
    ),
    call(
        "api:deployments_api:environment_drills", "POST", may=(ADMIN,), kwargs=lambda w: PRODUCTION, send=hours
    ),
    call(
        "api:deployments_api:endpoint_try", "POST", may=TAKES_PART, ok=GATEWAY_AWAY, outsider=404, kwargs=endpoint,
        send=lambda w: {"payload": {}}, scopes=("predict",), scope_otherwise=404,
        special=dict.fromkeys([f"token:{scope}" for scope in SEES_ENDPOINTS if scope != "predict"], 403),
    ),
    call("api:deployments_api:endpoint_serving", kwargs=endpoint, **TOKENS_INSIDE),
    call(
        "api:deployments_api:endpoint_serving", "POST", may=CREATORS, outsider=404, kwargs=endpoint, send=serves,
        scopes=("endpoints",), scope_otherwise=404,
        special=dict.fromkeys([f"token:{scope}" for scope in SEES_ENDPOINTS if scope != "endpoints"], 403),
    ),
    call("api:deployments_api:endpoint_keys", kwargs=endpoint, **TOKENS_INSIDE),
    call(
        "api:deployments_api:endpoint_keys", "POST", may=KEEPERS, ok=STEP_UP_CALL, outsider=404, kwargs=endpoint,
        send=new_key, scopes=("keys",), scope_otherwise=404,
        special={"token:keys": 201} | dict.fromkeys(SEES_BUT_MAKES_NO_KEYS, 403),
    ),
    call(
        "api:deployments_api:endpoint_key_revoke", "POST", may=KEEPERS, outsider=404, kwargs=key,
        scopes=("keys",), scope_otherwise=404, special=dict.fromkeys(SEES_BUT_MAKES_NO_KEYS, 403),
    ),
    call("api:deployments_api:plans", scopes=SCOPES),
    call(
        "api:deployments_api:plans", "POST", may=(*STEERERS, "outsider"), ok=201, send=new_plan, scopes=("rollouts",)
    ),
    call("api:deployments_api:rollouts", scopes=SCOPES),
    call("api:deployments_api:rollout", kwargs=rollout, **TOKENS_INSIDE),
    call("api:deployments_api:rollout_shadow", kwargs=rollout, ok=404, **TOKENS_INSIDE),
    call("api:deployments_api:rollout_ab_test", kwargs=rollout, ok=404, **TOKENS_INSIDE),
    call(
        "api:monitoring_api:ground_truth", "POST", may=(SCIENTIST, LEAD, OPERATOR), outsider=404, send=became_true,
        scopes=("ground_truth",), scope_otherwise=404,
        special=dict.fromkeys([f"token:{scope}" for scope in SEES_ENDPOINTS if scope != "ground_truth"], 403),
    ),
    call("api:deployments_api:rollout_measurements", kwargs=rollout, **TOKENS_INSIDE),
    call("api:deployments_api:rollout_pause", "POST", kwargs=rollout, **STEER),
    call("api:deployments_api:rollout_resume", "POST", kwargs=rollout, send=seen_paused, **STEER),
    call("api:deployments_api:rollout_abort", "POST", kwargs=rollout, send=end, **STEER),
    call("api:deployments_api:rollout_advance", "POST", kwargs=rollout, send=hurry, **STEER),
    call("api:deployments_api:rollout_advance_withdraw", "POST", kwargs=rollout, **STEER),
    call(
        "api:deployments_api:gate_check", "POST", may=ASKERS, outsider=404,
        send=lambda w: {name: value for name, value in ask(w).items() if name != "why"}, scopes=("promote",),
        special=dict.fromkeys([f"token:{scope}" for scope in SEES_DATA if scope != "promote"], 403),
        scope_otherwise=404,
    ),
    call(
        "api:deployments_api:data_usage", kwargs=data_version, may=INSIDERS, outsider=404, scope_otherwise=404,
        scopes=SEES_DATA,
    ),
    call("api:deployments_api:promotions", scopes=SCOPES),
    call(
        "api:deployments_api:promotions", "POST", may=ASKERS, ok=ALREADY_OPEN, outsider=404, send=ask,
        scopes=("promote",), special=NO_MODEL,
    ),
    call("api:deployments_api:promotion", kwargs=request, **TOKENS_INSIDE),
    call("api:deployments_api:promotion_comments", kwargs=request, **TOKENS_INSIDE),
    call(
        "api:deployments_api:promotion_comments", "POST", may=TAKES_PART, ok=201, outsider=404, kwargs=request,
        send=lambda w: {"text": "Why?"}, scopes=("promote",), special=NO_REQUEST,
    ),
    call(
        "api:deployments_api:promotion_approve", "POST", may=(), outsider=404, kwargs=request, send=refuse,
        special=NO_REQUEST,
    ),
    call(
        "api:deployments_api:promotion_request_changes", "POST", may=(LEAD,), outsider=404, kwargs=request,
        send=refuse, special=NO_REQUEST,
    ),
    call(
        "api:deployments_api:promotion_reject", "POST", may=(LEAD,), outsider=404, kwargs=request, send=refuse,
        special=NO_REQUEST,
    ),
    call(
        "api:deployments_api:promotion_withdraw", "POST", may=ASKERS, outsider=404, kwargs=request, special=NO_REQUEST
    ),
    call(
        "api:deployments_api:promotion_resubmit", "POST", may=(SCIENTIST,), ok=409, outsider=404, kwargs=request,
        send=lambda w: {"why": "Changed."}, special=NO_REQUEST,
    ),
    call("api:deployments_api:promotion_dossiers", kwargs=request, **TOKENS_INSIDE),
    call("api:deployments_api:promotion_dossiers", "POST", ok=202, kwargs=request, **TOKENS_INSIDE),
    call("api:deployments_api:promotion_dossier", kwargs=dossier, **TOKENS_INSIDE),
    call("api:deployments_api:promotion_dossier_file", ok=404, kwargs=dossier, **TOKENS_INSIDE),
    call(
        "api:deployments_api:promotion_bypasses", "POST", may=ASKERS, ok=ALREADY_OPEN, outsider=404, kwargs=request,
        send=ask_again, scopes=("promote",), special=NO_REQUEST,
    ),
    call("api:deployments_api:bypasses", scopes=SCOPES),
    call("api:deployments_api:bypass", kwargs=bypass, **TOKENS_INSIDE),
    call(
        "api:deployments_api:bypass_grant", "POST", may=(), outsider=404, kwargs=bypass, send=granting,
        special=NO_REQUEST,
    ),
    call(
        "api:deployments_api:bypass_refuse", "POST", may=(LEAD,), outsider=404, kwargs=bypass,
        send=lambda w: {"comment": "Not yet."}, special=NO_REQUEST,
    ),
    call("api:deployments_api:bypass_withdraw", "POST", may=ASKERS, outsider=404, kwargs=bypass, special=NO_REQUEST),
    call(
        "api:deployments_api:bypass_review", "POST", may=(LEAD,), ok=409, outsider=404, kwargs=bypass, send=judge,
        special=NO_REQUEST,
    ),
    call("api:deployments_api:inbox", scopes=SCOPES),
)  # fmt: skip

RULES = (*PAGES, *CALLS)
