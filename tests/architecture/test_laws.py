"""Laws of the house that a reader could forget: held by reading the code and the database."""

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from django.apps import apps
from django.db import connection

from portal.audit import guard
from portal.core import crash
from portal.lifecycle.catalogue import MACHINES
from portal.lifecycle.machine import Machine

ROOT = Path(__file__).resolve().parents[2]
APPS = ("portal", "registry", "deployments", "pipelines", "monitoring", "demo")
WRITER = ROOT / "portal/lifecycle/move.py"
# A run's status is MLflow's word, an idempotency key's the HTTP status, the gallery shows made-up rows.
NO_MACHINE = tuple(
    ROOT / path for path in ("registry/services/runs.py", "portal/core/api/idempotency.py", "portal/ui/views.py")
)
STATUS_FIELDS = {machine.field for machine in MACHINES.values()}
GOVERNED_MODELS = {apps.get_model(machine.model_label).__name__ for machine in MACHINES.values()}


def sources(*folders: str) -> Iterator[tuple[Path, ast.Module]]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path, ast.parse(path.read_text(), str(path))


def writes_status(tree: ast.Module) -> Iterator[int]:
    """Lines that assign `.status` on something other than self, or update/save it, for a table with a machine."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (_sets_by_query(node) or _sets_by_name(node)):
            yield node.lineno
        if isinstance(node, ast.Assign):
            yield from (node.lineno for target in node.targets if _is_status(target))


def _sets_by_query(call: ast.Call) -> bool:
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in ("update", "create"):
        return False
    owner = ast.unparse(call.func.value)
    names = {keyword.arg for keyword in call.keywords}
    return bool(names & STATUS_FIELDS) and any(f"{model}.objects" in owner for model in GOVERNED_MODELS)


def _sets_by_name(call: ast.Call) -> bool:
    by_name = isinstance(call.func, ast.Name) and call.func.id == "setattr"
    return by_name and any(isinstance(arg, ast.Constant) and arg.value in STATUS_FIELDS for arg in call.args)


def _is_status(target: ast.expr) -> bool:
    return isinstance(target, ast.Attribute) and target.attr in STATUS_FIELDS and not _harmless(target)


def imported(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The modules a file imports, with the line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            yield node.lineno, node.module or ""


def _harmless(target: ast.Attribute) -> bool:
    return isinstance(target.value, ast.Name) and target.value.id in ("self", "response")


def test_only_move_writes_a_status() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path, tree in sources(*APPS)
        if path not in (WRITER, *NO_MACHINE)
        for line in writes_status(tree)
    ]
    assert found == []


def test_the_status_detector_finds_what_it_looks_for() -> None:
    code = "row.status = 'approved'\nRollout.objects.filter(pk=1).update(status='x')\nsetattr(row, 'status', 'y')\n"
    assert sorted(writes_status(ast.parse(code))) == [1, 2, 3]


def test_no_network_or_file_inside_services() -> None:
    """A verb is one transaction: what talks to the outside lives in adapters; trying an endpoint is no verb."""
    banned = {"httpx", "socket", "subprocess", "requests", "urllib.request", "smtplib"}
    allowed = {ROOT / "deployments/services/tries.py"}
    found = [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for path, tree in sources(*APPS)
        if "services" in path.parts and path not in allowed
        for line, name in imported(tree)
        if name in banned
    ]
    assert found == []


def test_the_django_apps_never_import_mlflow_or_unpickle() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for path, tree in sources("portal", "registry", "deployments", "pipelines", "monitoring")
        for line, name in imported(tree)
        if name.split(".")[0] in {"mlflow", "pickle", "joblib"}
    ]
    assert found == []


def test_serving_imports_no_django_and_no_app() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for path, tree in sources("serving")
        for line, name in imported(tree)
        if name.split(".")[0] in {"django", *APPS}
    ]
    assert found == []


@pytest.mark.django_db
def test_every_governed_table_has_its_guard() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'audit_guard' AND tgdeferrable")
        guarded = {row[0] for row in cursor.fetchall()}
    assert set(guard.GOVERNED) <= guarded
    for machine in MACHINES.values():
        assert apps.get_model(machine.model_label)._meta.db_table in guarded


@pytest.mark.django_db
@pytest.mark.parametrize("machine", [MACHINES[label] for label in sorted(MACHINES)], ids=lambda m: m.model_label)
def test_the_database_knows_every_status(machine: Machine) -> None:
    model = apps.get_model(machine.model_label)
    checks = [c for c in model._meta.constraints if "status_known" in str(c.name)]
    assert len(checks) == 1, f"{model.__name__} has no constraint on its status"


def test_every_crash_point_in_the_code_is_declared() -> None:
    used = set()
    for path, tree in sources(*APPS):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "crash_point":
                used |= {a.value for a in node.args if isinstance(a, ast.Constant)}
                import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    assert used == crash.NAMES


def test_no_comment_of_a_template_is_shown() -> None:
    """Django's short comment ends with its line; one that goes on is text of the page, before its doctype even."""
    lines = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in sorted((ROOT / "templates").rglob("*.html"))
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if line.count("{#") != line.count("#}")
    ]
    assert lines == []
