"""Whether this caller may make this call: its object is found, its team asked, the registry's rules applied.

Everything here is synchronous and reads our own rows only. What the caller may not see is 404, the same as missing.
"""

from dataclasses import dataclass, field
from typing import Any

from portal.accounts import access
from portal.accounts.models import Team
from portal.accounts.permissions import ROLE_PERMISSIONS, Permission
from portal.core.actors import Actor
from portal.core.errors import BadInput, NotAllowed, NotFound
from registry.gate import attempts
from registry.gate.routes import Route
from registry.models import Experiment, LoggedModel, ModelVersion, RegisteredModel, Run
from registry.policies import names, paths, protection, sources

MISSING = "There is no such {what}, or you may not see it."


@dataclass(slots=True)
class Call:
    """A call that may go on: what it is about and what may be shown of the answer. `teams` None means all."""

    route: Route
    actor: Actor
    args: dict[str, Any]
    teams: set[int] | None
    team: Team | None = None
    experiment: Experiment | None = None
    run: Run | None = None
    logged_model: LoggedModel | None = None
    model: RegisteredModel | None = None
    version: ModelVersion | None = None
    subject: str = ""
    visible: set[str] = field(default_factory=set)


def missing(what: str) -> NotFound:
    return NotFound(MISSING.format(what=what))


def authorize(route: Route, actor: Actor, args: dict[str, Any]) -> Call:
    """The call with its objects; raises the refusal otherwise."""
    call = Call(route, actor, args, access.visible_teams(actor, Permission.MODELS_VIEW))
    FINDERS[route.about](call)
    try:
        _permit(call)
        protection.check(call)
    except NotAllowed as error:
        raise attempts.refusing(error, call) if route.act == "registry" else error from None
    return call


def _permit(call: Call) -> None:
    if call.team is not None:
        access.require(call.actor, call.route.needs, call.team.pk)
    elif call.route.about not in ("experiments", "runs", "models", "versions", "nothing"):
        raise RuntimeError(f"{call.route.name} found no team")
    elif not access.in_scope(call.actor, call.route.needs):
        access.may(call.actor, call.route.needs).require()


def _text(call: Call, *keys: str) -> str:
    for key in keys:
        value = call.args.get(key)
        if isinstance(value, str) and value:
            return value
    raise BadInput(f"The call needs {keys[0]}.", code="missing_parameter", fields={keys[0]: "needed"}, status=400)


def _see(call: Call, team: Team, what: str) -> None:
    if call.teams is not None and team.pk not in call.teams:
        raise missing(what)
    call.team = team


def _experiment_by(call: Call, **wanted: str) -> None:
    found = Experiment.objects.select_related("team").filter(**wanted).first()
    if found is None:
        raise missing("experiment")
    _see(call, found.team, "experiment")
    call.experiment, call.subject = found, f"experiment {found.mlflow_id}"


def _experiment(call: Call) -> None:
    number = _text(call, "experiment_id")
    if number == "0":
        raise NotFound(
            "MLflow's experiment Default belongs to nobody here. Name one of your own first: "
            'mlflow.set_experiment("my-experiment").'
        )
    _experiment_by(call, mlflow_id=number)


def _experiment_name(call: Call) -> None:
    _experiment_by(call, name=_text(call, "experiment_name"))


def _run(call: Call) -> None:
    run_id = _text(call, "run_id", "run_uuid")
    found = Run.objects.select_related("experiment__team").filter(run_id=run_id).first()
    if found is None:
        raise missing("run")
    _see(call, found.experiment.team, "run")
    call.run, call.experiment, call.subject = found, found.experiment, f"run {run_id}"
    if call.args.get("path"):
        paths.checked(_text(call, "path"))
    _linked_models(call)


def _linked_models(call: Call) -> None:
    """Logged models that a write to a run names, for a metric or as input or output, must be ones the caller sees."""
    items = [call.args, *_dicts(call.args.get("metrics")), *_dicts(call.args.get("models"))]
    named = {str(item["model_id"]) for item in items if item.get("model_id")}
    if not named:
        return
    rows = LoggedModel.objects.filter(model_id__in=named)
    rows = rows if call.teams is None else rows.filter(experiment__team_id__in=call.teams)
    if rows.count() != len(named):
        raise missing("logged model")


def _dicts(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _runs(call: Call) -> None:
    """Searches name the experiments they look through; none named means all that may be seen."""
    asked = call.args.get("experiment_ids") or []
    ids = [str(i) for i in (asked if isinstance(asked, list) else [asked])]
    rows = Experiment.objects.filter(deleted_at=None)
    rows = rows if call.teams is None else rows.filter(team_id__in=call.teams)
    seen = set(rows.values_list("mlflow_id", flat=True))
    if any(i not in seen for i in ids):
        raise missing("experiment")
    call.visible = set(ids) or seen


def _experiments(call: Call) -> None:
    rows = Experiment.objects.all() if call.teams is None else Experiment.objects.filter(team_id__in=call.teams)
    call.visible = set(rows.values_list("mlflow_id", flat=True))


def _logged_model(call: Call) -> None:
    model_id = _text(call, "model_id")
    found = LoggedModel.objects.select_related("experiment__team").filter(model_id=model_id).first()
    if found is None:
        raise missing("logged model")
    _see(call, found.experiment.team, "logged model")
    if call.args.get("artifact_directory_path"):
        paths.checked(_text(call, "artifact_directory_path"))
    call.logged_model, call.experiment, call.subject = found, found.experiment, f"logged model {model_id}"


def _new_logged_model(call: Call) -> None:
    _experiment(call)
    run_id = call.args.get("source_run_id")
    if run_id and not Run.objects.filter(run_id=str(run_id), experiment=call.experiment).exists():
        raise missing("run")


def _new_team(call: Call) -> Team:
    """The team a new thing belongs to: named by the tag `signalbox.team`, or the only one the caller may write for."""
    if call.actor.token_team_id is not None:
        return Team.objects.get(pk=call.actor.token_team_id)
    tags = call.args.get("tags")
    wanted = next(
        (t.get("value") for t in tags or [] if isinstance(t, dict) and t.get("key") == "signalbox.team"), None
    )
    if wanted:
        team = Team.objects.filter(slug=str(wanted)).first()
        if team is None or (call.teams is not None and team.pk not in call.teams):
            raise missing("team")
        return team
    fitting = [g for g in call.actor.grants if call.route.needs in ROLE_PERMISSIONS.get(g.role, frozenset())]
    held = {g.team_id for g in fitting if g.team_id is not None}
    if not held and fitting:
        held = set(Team.objects.values_list("pk", flat=True)[:2])
    if len(held) == 1:
        return Team.objects.get(pk=held.pop())
    if not held:
        access.require(call.actor, call.route.needs)
    raise BadInput(
        "You can write for more than one team. Say which with the tag signalbox.team=<team>.",
        code="team_needed",
        status=400,
        fields={"tags": "signalbox.team"},
    )


def _new_experiment(call: Call) -> None:
    name = _text(call, "name")
    if len(name) > 400 or not name.isprintable():
        raise BadInput("An experiment's name has 1 to 400 printable characters.", code="bad_name", status=400)
    if call.args.get("artifact_location"):
        raise BadInput(
            "Artifacts are kept where the server says. Leave artifact_location out.", code="bad_source", status=400
        )
    call.team, call.subject = _new_team(call), f"experiment {name}"


def _new_model(call: Call) -> None:
    name = names.checked(_text(call, "name"))
    other = RegisteredModel.objects.filter(name_key=names.key(name)).exclude(name=name).first()
    if other is not None:
        raise BadInput(
            "This name is too much like that of another model. Choose one that cannot be mistaken for it.",
            code="name_too_alike",
            status=400,
        )
    call.team, call.subject = _new_team(call), name


def _model(call: Call) -> None:
    name = _text(call, "name")
    found = RegisteredModel.objects.select_related("team").filter(name=name, deleted_at=None).first()
    if found is None:
        raise missing("registered model")
    _see(call, found.team, "registered model")
    call.model, call.subject = found, found.name
    if call.route.name == "model-versions/create":
        _source(call)
    if call.route.name == "registered-models/alias" and call.route.act == "registry":
        names.checked_alias(_text(call, "alias"))
    if call.route.name == "registered-models/rename":
        new = names.checked(_text(call, "new_name"))
        if RegisteredModel.objects.filter(name_key=names.key(new)).exclude(pk=found.pk).exists():
            raise BadInput("Another model has this name, or one too much like it.", code="name_taken", status=400)


def _source(call: Call) -> None:
    """A version may only be made of a run or logged model that the caller may see."""
    source = sources.parse(call.args.get("source"))
    model_id, run_id = source.model_id, source.run_id
    if call.args.get("model_id") and model_id and call.args["model_id"] != model_id:
        raise BadInput("model_id and source name different models.", code="bad_source", status=400)
    if model_id:
        found: LoggedModel | Run | None = (
            LoggedModel.objects.select_related("experiment").filter(model_id=model_id).first()
        )
    else:
        found = Run.objects.select_related("experiment").filter(run_id=run_id).first()
    own_run = call.args.get("run_id")
    run = Run.objects.select_related("experiment").filter(run_id=str(own_run)).first() if own_run else None
    for row in (found, run) if own_run else (found,):
        if row is None or (call.teams is not None and row.experiment.team_id not in call.teams):
            raise missing("run")
    if source.experiment_id and found is not None and found.experiment.mlflow_id != source.experiment_id:
        raise missing("run")


def _models(call: Call) -> None:
    rows = (
        RegisteredModel.objects.all() if call.teams is None else RegisteredModel.objects.filter(team_id__in=call.teams)
    )
    call.visible = set(rows.values_list("name", flat=True))


def _version(call: Call) -> None:
    _model(call)
    assert call.model is not None
    number = names.version_number(call.args.get("version"))
    found = ModelVersion.objects.filter(model=call.model, number=number).first()
    if found is None or found.deleted_at is not None:
        raise missing("version")
    found.model = call.model  # or its name would be asked for once more
    call.version, call.subject = found, str(found)


def _artifact(call: Call) -> None:
    """Artifact paths begin with the experiment, then the run or `models/<logged model>`, then `artifacts`."""
    path = paths.checked(_text(call, "path"))
    parts = path.split("/")
    _experiment_by(call, mlflow_id=parts[0])
    owner = parts[1:3] if parts[1:2] == ["models"] else parts[1:2]
    if len(owner) == 2:
        known = LoggedModel.objects.filter(model_id=owner[1], experiment=call.experiment).exists()
    else:
        known = bool(owner) and Run.objects.filter(run_id=owner[0], experiment=call.experiment).exists()
    if not known or parts[1 + len(owner) : 2 + len(owner)] != ["artifacts"]:
        raise missing("artifact")
    call.subject = path[:300]


def _nothing(call: Call) -> None:
    return None


FINDERS = {
    "nothing": _nothing,
    "new_experiment": _new_experiment,
    "experiment": _experiment,
    "experiment_name": _experiment_name,
    "experiments": _experiments,
    "run": _run,
    "runs": _runs,
    "logged_model": _logged_model,
    "new_logged_model": _new_logged_model,
    "new_model": _new_model,
    "model": _model,
    "models": _models,
    "version": _version,
    "versions": _models,
    "artifacts_listing": _artifact,
    "artifact": _artifact,
}
