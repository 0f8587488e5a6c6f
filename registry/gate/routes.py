"""The routes of MLflow's API that the gate lets through, as data. What is not listed does not exist.

`act` says what kind of call it is: "read", "run" (runs, metrics, logged models: access log) or "registry" (models,
versions, aliases: audit log). `needs` names the permission; `about` how the object it concerns is found.
"""

import re
from dataclasses import dataclass, field
from typing import Literal

from portal.accounts.permissions import Permission

Act = Literal["read", "run", "registry"]
About = Literal[
    "nothing",
    "new_experiment",
    "experiment",
    "experiment_name",
    "experiments",
    "run",
    "runs",
    "logged_model",
    "new_logged_model",
    "new_model",
    "model",
    "models",
    "version",
    "versions",
    "artifacts_listing",
    "artifact",
]

VIEW, WRITE = Permission.MODELS_VIEW, Permission.RUNS_WRITE
REGISTER, EDIT, DELETE = Permission.MODELS_REGISTER, Permission.MODELS_EDIT, Permission.MODELS_DELETE


@dataclass(frozen=True, slots=True)
class Route:
    """`name` is what logs call it; `pattern` is matched against the whole path."""

    name: str
    method: str
    template: str
    act: Act
    needs: Permission
    about: About
    pattern: re.Pattern[str] = field(repr=False, compare=False)
    streams: bool = False

    @property
    def lasts(self) -> bool:
        """Whether a lost answer would leave something behind that nobody owns, so an intent is written first."""
        return self.act == "registry" or self.name == "experiments/create"


def _route(method: str, template: str, act: Act, needs: Permission, about: About, *, streams: bool = False) -> Route:
    body = re.sub(
        r"\{(\w+)\}", r"(?P<\1>[A-Za-z0-9_.-]{1,250})", re.escape(template).replace(r"\{", "{").replace(r"\}", "}")
    )
    body = body.replace("<path>", "(?P<path>.+)")
    name = template.removeprefix("/api/2.0/").removeprefix("mlflow/").replace("/<path>", "")
    return Route(name, method, template, act, needs, about, re.compile(body), streams)


M = "/api/2.0/mlflow"
A = "/api/2.0/mlflow-artifacts"

ROUTES: tuple[Route, ...] = (
    _route("POST", f"{M}/experiments/create", "run", WRITE, "new_experiment"),
    _route("GET", f"{M}/experiments/get", "read", VIEW, "experiment"),
    _route("GET", f"{M}/experiments/get-by-name", "read", VIEW, "experiment_name"),
    _route("GET", f"{M}/experiments/search", "read", VIEW, "experiments"),
    _route("POST", f"{M}/experiments/search", "read", VIEW, "experiments"),
    _route("POST", f"{M}/experiments/update", "run", WRITE, "experiment"),
    _route("POST", f"{M}/experiments/delete", "run", WRITE, "experiment"),
    _route("POST", f"{M}/experiments/restore", "run", WRITE, "experiment"),
    _route("POST", f"{M}/experiments/set-experiment-tag", "run", WRITE, "experiment"),
    _route("POST", f"{M}/experiments/delete-experiment-tag", "run", WRITE, "experiment"),
    _route("POST", f"{M}/runs/create", "run", WRITE, "experiment"),
    _route("GET", f"{M}/runs/get", "read", VIEW, "run"),
    _route("POST", f"{M}/runs/search", "read", VIEW, "runs"),
    *(
        _route("POST", f"{M}/runs/{verb}", "run", WRITE, "run")
        for verb in (
            "update",
            "delete",
            "restore",
            "log-metric",
            "log-parameter",
            "log-batch",
            "log-model",
            "log-inputs",
            "outputs",
            "set-tag",
            "delete-tag",
        )
    ),
    _route("GET", f"{M}/metrics/get-history", "read", VIEW, "run"),
    _route("GET", f"{M}/artifacts/list", "read", VIEW, "run"),
    _route("POST", f"{M}/logged-models", "run", WRITE, "new_logged_model"),
    _route("POST", f"{M}/logged-models/search", "read", VIEW, "runs"),
    _route("GET", f"{M}/logged-models/{{model_id}}", "read", VIEW, "logged_model"),
    _route("PATCH", f"{M}/logged-models/{{model_id}}", "run", WRITE, "logged_model"),
    _route("PATCH", f"{M}/logged-models/{{model_id}}/tags", "run", WRITE, "logged_model"),
    _route("DELETE", f"{M}/logged-models/{{model_id}}/tags/{{tag_key}}", "run", WRITE, "logged_model"),
    _route("POST", f"{M}/logged-models/{{model_id}}/params", "run", WRITE, "logged_model"),
    _route("GET", f"{M}/logged-models/{{model_id}}/artifacts/directories", "read", VIEW, "logged_model"),
    _route("POST", f"{M}/registered-models/create", "registry", REGISTER, "new_model"),
    _route("GET", f"{M}/registered-models/get", "read", VIEW, "model"),
    _route("GET", f"{M}/registered-models/search", "read", VIEW, "models"),
    _route("GET", f"{M}/registered-models/get-latest-versions", "read", VIEW, "model"),
    _route("POST", f"{M}/registered-models/get-latest-versions", "read", VIEW, "model"),
    _route("PATCH", f"{M}/registered-models/update", "registry", EDIT, "model"),
    _route("POST", f"{M}/registered-models/rename", "registry", EDIT, "model"),
    _route("DELETE", f"{M}/registered-models/delete", "registry", DELETE, "model"),
    _route("POST", f"{M}/registered-models/set-tag", "registry", EDIT, "model"),
    _route("DELETE", f"{M}/registered-models/delete-tag", "registry", EDIT, "model"),
    _route("GET", f"{M}/registered-models/alias", "read", VIEW, "model"),
    _route("POST", f"{M}/registered-models/alias", "registry", EDIT, "version"),
    _route("DELETE", f"{M}/registered-models/alias", "registry", EDIT, "model"),
    _route("POST", f"{M}/model-versions/create", "registry", REGISTER, "model"),
    _route("GET", f"{M}/model-versions/get", "read", VIEW, "version"),
    _route("GET", f"{M}/model-versions/search", "read", VIEW, "versions"),
    _route("GET", f"{M}/model-versions/get-download-uri", "read", VIEW, "version"),
    _route("PATCH", f"{M}/model-versions/update", "registry", EDIT, "version"),
    _route("DELETE", f"{M}/model-versions/delete", "registry", DELETE, "version"),
    _route("POST", f"{M}/model-versions/set-tag", "registry", EDIT, "version"),
    _route("DELETE", f"{M}/model-versions/delete-tag", "registry", EDIT, "version"),
    _route("POST", f"{M}/model-versions/transition-stage", "registry", EDIT, "version"),
    _route("GET", f"{A}/artifacts", "read", VIEW, "artifacts_listing"),
    _route("GET", f"{A}/artifacts/<path>", "read", VIEW, "artifact", streams=True),
    _route("PUT", f"{A}/artifacts/<path>", "run", WRITE, "artifact", streams=True),
    _route("DELETE", f"{A}/artifacts/<path>", "run", DELETE, "artifact"),
)


def find(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """The listed route of a request and the parts of its path; None when it is not listed."""
    for route in ROUTES:
        if route.method == method:
            match = route.pattern.fullmatch(path)
            if match:
                return route, match.groupdict()
    return None
