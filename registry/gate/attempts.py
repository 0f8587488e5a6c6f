"""What the log says when a client tried to change the registry and was refused."""

from typing import TYPE_CHECKING, Any

from portal.audit import recorder
from portal.audit.recorder import Subject
from portal.core.errors import PortalError
from registry.services import models, versions

if TYPE_CHECKING:
    from registry.gate.authorize import Call

VERBS = {
    ("POST", "registered-models/alias"): "alias.pointed",
    ("DELETE", "registered-models/alias"): "alias.deleted",
    ("DELETE", "model-versions/delete"): "model_version.deleted",
    ("DELETE", "registered-models/delete"): "registered_model.deleted",
    ("POST", "model-versions/create"): "model_version.registered",
    ("POST", "registered-models/create"): "registered_model.created",
}


def refusing(error: PortalError, call: "Call") -> PortalError:
    """`error` with the attempt it refuses, which the edge records."""
    verb = VERBS.get((call.route.method, call.route.name), "registered_model.requested")
    facts: dict[str, Any] = {"route": call.route.name}
    if verb.startswith("alias."):
        facts |= {"alias": str(call.args.get("alias", ""))[:200], "version": str(call.args.get("version", ""))[:20]}
    return recorder.refusing(error, verb, actor=call.actor, subject=_subject(call, verb), **facts)


def _subject(call: "Call", verb: str) -> Subject:
    if call.version is not None and verb.startswith("model_version."):
        return versions.subject(call.version)
    return models.subject(call.model) if call.model is not None else Subject.of("mlflow_model", "", call.subject)
