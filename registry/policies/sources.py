"""Where a new version may come from: only places that the server itself has issued. Pure."""

import re
from dataclasses import dataclass

from portal.core.errors import BadInput
from registry.policies import paths

LOGGED_MODEL = re.compile(r"models:/(m-[0-9a-f]{32})")
RUN = re.compile(r"runs:/([0-9a-f]{32})/([^?#;%\\]{1,900})")
PROXIED = re.compile(
    r"mlflow-artifacts:/([0-9]{1,20})/(?:models/(m-[0-9a-f]{32})|([0-9a-f]{32}))/artifacts(?:/([^?#;%\\]{1,900}))?"
)


@dataclass(frozen=True, slots=True)
class Source:
    """A logged model, or a path below a run's artifacts."""

    model_id: str = ""
    run_id: str = ""
    path: str = ""
    experiment_id: str = ""


def parse(text: object) -> Source:
    """The place a source names; raises `BadInput` for anything that is not one of the three forms the server issues."""
    value = text if isinstance(text, str) else ""
    if found := LOGGED_MODEL.fullmatch(value):
        return Source(model_id=found[1])
    if found := RUN.fullmatch(value):
        return Source(run_id=found[1], path=paths.checked(found[2]))
    if found := PROXIED.fullmatch(value):
        below = paths.checked(found[4]) if found[4] else ""
        return Source(model_id=found[2] or "", run_id=found[3] or "", path=below, experiment_id=found[1])
    raise BadInput(
        "The source of a version must be a run or a logged model of this server: "
        "models:/m-<id>, runs:/<run id>/<path> or mlflow-artifacts:/<experiment>/...",
        code="bad_source",
        status=400,
        fields={"source": "a run or logged model of this server"},
    )
