"""What no client may do directly: move a protected alias, delete what is held, change frozen files."""

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import F, Q, Value

from portal.core.errors import BadInput, NotAllowed
from registry.models import AliasState, ModelVersion, RegisteredModel, VersionHold

if TYPE_CHECKING:
    from registry.gate.authorize import Call

RESERVED = ("mlflow.prompt.",)


def is_protected(alias: str) -> bool:
    """Whether only a promotion moves this alias."""
    return alias.casefold() in {name.casefold() for name in settings.SIGNALBOX_PROTECTED_ALIASES}


def is_protected_tag(key: str) -> bool:
    """Whether this tag changes only through the gate, which knows who asked."""
    return any(
        key.startswith(name[:-1]) if name.endswith("*") else key == name for name in settings.SIGNALBOX_PROTECTED_TAGS
    )


def kept_tags(ours: dict[str, str], theirs: dict[str, str]) -> dict[str, str]:
    """The tags as they should stand in both places: the protected ones as we have them, the others as MLflow does."""
    free = {key: value for key, value in theirs.items() if not is_protected_tag(key)}
    return free | {key: value for key, value in ours.items() if is_protected_tag(key)}


def _governed(model: RegisteredModel, alias: str) -> bool:
    """Whether a promotion has pointed this alias of the model, whatever it is called."""
    return AliasState.objects.filter(model=model, alias__iexact=alias).exists()


def ask_link(model: str, version: object = "") -> str:
    """Where a promotion is asked for."""
    query = urlencode({"model": model} | ({"version": str(version)} if version else {}))
    return f"{settings.SIGNALBOX_URL}/promotions/new/?{query}"


def check(call: "Call") -> None:
    """Raise the refusal, if the call does one of the things that are not for clients."""
    rule = RULES.get((call.route.method, call.route.name))
    if rule is not None:
        rule(call)
    _tags(call)


def _alias(call: "Call") -> None:
    alias = str(call.args.get("alias", ""))
    if call.model is not None and (is_protected(alias) or _governed(call.model, alias)):
        raise NotAllowed(
            f"The alias {alias} is protected: it moves when a promotion is approved. "
            f"Ask for one at {ask_link(call.model.name, call.args.get('version', ''))}",
            code="alias_protected",
            ask=ask_link(call.model.name, call.args.get("version", "")),
        )


def _held(model: RegisteredModel, version: ModelVersion | None = None) -> None:
    holds = VersionHold.objects.filter(version__model=model)
    holds = holds.filter(version=version) if version else holds
    first = holds.select_related("version").first()
    if first is not None:
        raise NotAllowed(
            f"v{first.version.number} cannot be deleted or renamed: it is {first.why}. Roll back or withdraw first.",
            code="version_held",
        )


def _delete_version(call: "Call") -> None:
    if call.model is not None:
        _held(call.model, call.version)


def _delete_or_rename_model(call: "Call") -> None:
    if call.model is not None:
        _held(call.model)


def _stage(call: "Call") -> None:
    raise NotAllowed(
        "Stages are not used here. A version reaches an environment by a promotion: "
        f"{ask_link(call.model.name if call.model else '', call.args.get('version', ''))}",
        code="stages_not_used",
    )


def _frozen(call: "Call") -> None:
    """Files of a registered version never change, whoever asks, and nothing above them is deleted."""
    path = str(call.args["path"])
    registered = ModelVersion.objects.exclude(artifact_path="").annotate(asked=Value(path))
    inside = Q(artifact_path=path) | Q(asked__startswith=F("artifact_path"))
    above = Q(artifact_path__startswith=f"{path}/") if call.route.method == "DELETE" else Q(pk=None)
    for version in registered.filter(inside | above):
        own = version.artifact_path
        if path == own or path.startswith(f"{own}/") or own.startswith(f"{path}/"):
            raise NotAllowed(
                f"These files belong to {version} and are frozen. Register a new version instead.",
                code="artifact_frozen",
            )


def _tags(call: "Call") -> None:
    tags = call.args.get("tags")
    keys = [t.get("key") for t in tags if isinstance(t, dict)] if isinstance(tags, list) else []
    keys += [call.args.get("key")]
    if call.route.act != "read" and any(isinstance(k, str) and k.startswith(RESERVED) for k in keys):
        raise BadInput("Tags that begin with mlflow.prompt. are reserved.", code="tag_reserved", status=400)


RULES = {
    ("POST", "registered-models/alias"): _alias,
    ("DELETE", "registered-models/alias"): _alias,
    ("DELETE", "model-versions/delete"): _delete_version,
    ("DELETE", "registered-models/delete"): _delete_or_rename_model,
    ("POST", "registered-models/rename"): _delete_or_rename_model,
    ("POST", "model-versions/transition-stage"): _stage,
    ("PUT", "mlflow-artifacts/artifacts"): _frozen,
    ("DELETE", "mlflow-artifacts/artifacts"): _frozen,
}
