"""Finishes what the gate began and could not end: asks MLflow whether it has carried the request out, and records that.

A call whose answer was lost, because the web process ended or MLflow went away, is recorded as if it had been answered
if MLflow shows its effect, and closed as not done if it does not.
"""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings

from portal.accounts.models import Team
from portal.core import clock
from portal.core.actors import Actor
from portal.core.errors import NotFound, PortalError
from registry.adapters import mlflow_rest
from registry.adapters.mlflow_rest import Mlflow, MlflowRefused
from registry.gate import authorize, intents, routes
from registry.gate.authorize import Call
from registry.models import GateIntent, ModelVersion
from registry.policies import names

log = logging.getLogger(__name__)
Answer = dict[str, Any]
Look = Callable[[Call, Mlflow], Answer | None]


def settle_all() -> None:
    """Settle the open intents that nobody is working on any more. Raises `MlflowUnavailable` when MLflow is away."""
    source = mlflow_rest.client()
    before = clock.now() - timedelta(seconds=settings.SIGNALBOX_GATE_SETTLE_SECONDS)
    for intent in GateIntent.objects.filter(closed_at=None, at__lt=before).order_by("at")[:100]:
        try:
            settle(intent, source)
        except MlflowRefused as error:
            log.warning("the request %s about %s is still open: %s", intent.route, intent.subject_name, error)


def settle(intent: GateIntent, source: Mlflow) -> None:
    """Ask MLflow about one intent and close it."""
    try:
        call = _revived(intent)
        seen = LOOKS[(call.route.method, call.route.name)](call, source)
    except NotFound:
        seen = None
    if seen is None:
        intents.give_up(intent)
    else:
        intents.close(intent, call, 200, seen)


def _revived(intent: GateIntent) -> Call:
    """The call as it was, with its objects as they are now. Raises `NotFound` when they are gone."""
    kept = intent.body
    if "method" not in kept:
        raise NotFound("This request was written down by an older release, without what it takes to finish it.")
    route = next(r for r in routes.ROUTES if (r.method, r.name) == (kept["method"], intent.route))
    call = Call(route, Actor(**kept["actor"]), kept["args"], teams=None)
    if route.about in ("new_model", "new_experiment"):
        call.team = Team.objects.filter(pk=kept["team"]).first()
        call.subject = intent.subject_name
        return call
    try:
        authorize.FINDERS[route.about](call)
    except PortalError as error:
        raise NotFound("The object of this request is gone.") from error
    return call


def _tags(found: dict[str, Any] | None) -> dict[str, str]:
    return {tag["key"]: tag.get("value", "") for tag in (found or {}).get("tags", [])}


def _when(done: bool) -> Answer | None:
    return {} if done else None


def _model(call: Call, source: Mlflow) -> dict[str, Any] | None:
    return source.model(str(call.args["name"]))


def _version(call: Call, source: Mlflow) -> dict[str, Any] | None:
    return source.version(str(call.args["name"]), names.version_number(call.args.get("version")))


def _same_text(call: Call, found: dict[str, Any] | None) -> Answer | None:
    return _when(found is not None and found.get("description", "") == (call.args.get("description") or ""))


def _same_tag(call: Call, found: dict[str, Any] | None) -> Answer | None:
    if found is None:
        return None
    wanted = None if call.route.method == "DELETE" else str(call.args.get("value", ""))
    return _when(_tags(found).get(str(call.args["key"])) == wanted)


def _experiment_created(call: Call, source: Mlflow) -> Answer | None:
    return source.experiment(str(call.args["name"]))


def _model_renamed(call: Call, source: Mlflow) -> Answer | None:
    return _when(_model(call, source) is None and source.model(str(call.args["new_name"])) is not None)


def _alias(call: Call, source: Mlflow) -> Answer | None:
    wanted = names.version_number(call.args.get("version")) if call.route.method == "POST" else None
    return _when(source.alias(str(call.args["name"]), str(call.args["alias"])) == wanted)


def _version_created(call: Call, source: Mlflow) -> Answer | None:
    """The oldest version of that source that we have no row of."""
    known = set(ModelVersion.objects.filter(model=call.model).values_list("number", flat=True))
    new = [v for v in source.versions(str(call.args["name"])) if int(v["version"]) not in known]
    fitting = [v for v in new if v.get("source") == call.args.get("source")]
    return {"model_version": min(fitting, key=lambda v: int(v["version"]))} if fitting else None


LOOKS: dict[tuple[str, str], Look] = {
    ("POST", "experiments/create"): _experiment_created,
    ("POST", "registered-models/create"): _model,
    ("PATCH", "registered-models/update"): lambda call, source: _same_text(call, _model(call, source)),
    ("POST", "registered-models/rename"): _model_renamed,
    ("DELETE", "registered-models/delete"): lambda call, source: _when(_model(call, source) is None),
    ("POST", "registered-models/set-tag"): lambda call, source: _same_tag(call, _model(call, source)),
    ("DELETE", "registered-models/delete-tag"): lambda call, source: _same_tag(call, _model(call, source)),
    ("POST", "registered-models/alias"): _alias,
    ("DELETE", "registered-models/alias"): _alias,
    ("POST", "model-versions/create"): _version_created,
    ("PATCH", "model-versions/update"): lambda call, source: _same_text(call, _version(call, source)),
    ("DELETE", "model-versions/delete"): lambda call, source: _when(_version(call, source) is None),
    ("POST", "model-versions/set-tag"): lambda call, source: _same_tag(call, _version(call, source)),
    ("DELETE", "model-versions/delete-tag"): lambda call, source: _same_tag(call, _version(call, source)),
}
