"""What `docs/serving.md` lists is what the code has: codes, headers, settings, calls; and a real answer keeps to it."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from serving import contract, places
from serving.agent.api import Api
from serving.router import configuration, problems
from serving.worker import v2
from tests.serving.plane import Plane
from tests.serving.zoo import Zoo, body

PROJECT = Path(__file__).resolve().parents[2]
TEXT = (PROJECT / "docs/serving.md").read_text()
SERVING = PROJECT / "serving"
# Where the status and the code stand in calls that refuse; a number is the status of all such calls.
REFUSING: dict[str, tuple[int | None, int, int]] = {
    "bad": (None, 0, 400),
    "FieldError": (None, 1, 400),
    "_WrongError": (None, 0, 400),
    "_require": (1, 2, 0),
    "Refusal": (0, 1, 0),
    "Refused": (0, 1, 0),
    "_problem": (0, 1, 0),
    "conflict": (None, 0, 409),
}
WORKER = ("bad", "FieldError", "_WrongError", "_require", "Refusal")
AGENT = ("Refused", "_problem", "conflict")
START = ("Refused", "CopyFailed", "TreeRefused")


def rows(heading: str, *columns: str) -> list[list[str]]:
    """The cells of the table with these first columns below a heading, without back quotes."""
    below = TEXT.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    table = below.split("| " + " | ".join(columns))[1].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip().replace("`", "") for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in table]


def calls(folder: str, names: tuple[str, ...]) -> Iterator[tuple[str, list[object]]]:
    """Calls of these names in a folder, with their arguments; what is not written out literally is None."""
    for path in sorted((SERVING / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and (name := ast.unparse(node.func).rpartition(".")[2]) in names:
                yield name, [arg.value if isinstance(arg, ast.Constant) else None for arg in node.args]


def refusals(folder: str, names: tuple[str, ...]) -> set[tuple[int, str]]:
    """Status and code of every refusal that a folder writes out."""
    found = set()
    for name, given in calls(folder, names):
        at_status, at_code, fixed = REFUSING[name]
        status = fixed if at_status is None else given[at_status]
        code = given[at_code] if len(given) > at_code else None
        if isinstance(status, int) and isinstance(code, str):
            found.add((status, code))
    return found


def of_router() -> set[tuple[int, str]]:
    """Status and code of every body that the router's configuration holds."""
    texts = [
        problems.error_lines(),
        problems.NO_ENDPOINT,
        problems.NO_ROUTE,
        problems.TOO_LARGE,
        problems.NO_KEY,
        problems.BUSY,
    ]
    bodies = [json.loads(found) for text in texts for found in re.findall(r"string '(\{.*?\})'", text)]
    return {(found["status"], found["code"]) for found in bodies}


def test_the_codes_callers_get_are_those_listed() -> None:
    listed = {
        (int(status), code, part)
        for status, code, parts, _ in rows("What callers are told", "Status", "Code", "From")
        for part in parts.split(", ")
    }
    worker = {(status, code, "revision") for status, code in refusals("worker", WORKER)}
    assert listed == worker | {(status, code, "router") for status, code in of_router()}
    assert len(worker) > 20


def test_the_codes_of_the_agent_are_those_listed() -> None:
    listed = {(int(status), code) for status, code, _ in rows("The agent's API", "Status", "Code")}
    assert listed == refusals("agent", AGENT)


def test_the_reasons_for_a_failed_revision_are_those_listed() -> None:
    listed = {code for codes, _ in rows("The way of a revision", "Code") for code in codes.split(", ")}
    literal = {
        str(given[0])
        for folder, names in (("worker", START), ("agent", ("CopyFailed",)), (".", ("TreeRefused",)))
        for _, given in calls(folder, names)
        if given and isinstance(given[0], str)
    }
    # Written where no exception carries them: as the event of a start, by the zygote, and in an expression.
    elsewhere = {"out_of_memory", "start_failed", "load_timeout", "exited", "disk_full", "source_unreadable"}
    source = "".join((SERVING / path).read_text() for path in WRITES_REASONS)
    assert all(f'"{code}"' in source for code in elsewhere)
    assert listed == literal | elsewhere


WRITES_REASONS = ("worker/process.py", "zygote/nursery.py", "agent/copies.py")


@pytest.fixture
def settings(tmp_path: Path) -> places.Settings:
    folders = {name: str(tmp_path) for name in ("SIGNALBOX_SERVING_DIR", "SIGNALBOX_RUN", "SIGNALBOX_STORE")}
    return places.read({**folders, "SIGNALBOX_GATEWAY_KEYS": "required"})


def test_the_headers_are_those_listed(settings: places.Settings) -> None:
    rendered = configuration.render(settings)
    ruled = set(re.findall(r"req\.fhdr\(([a-z-]+)\)|-header ([a-z-]+)(?= %|\n)| hdr ([a-z-]+) ", rendered))
    named = {value for name, value in vars(contract).items() if name.startswith("HEADER_")}
    worker = "".join((SERVING / "worker" / name).read_text() for name in ("app.py", "calls.py", "turns.py"))
    spoken = set(re.findall(r'"(x-signalbox-[a-z]+|retry-after|content-type|content-encoding)"', worker))
    expected = {name for names in ruled for name in names if name} | named | spoken | {v2.HEADER_LENGTH}
    listed = {name for name, *_ in rows("Headers", "Header")}
    assert listed == expected - {"server"}
    assert "http_auth_bearer" in rendered


def test_a_real_answer_has_the_headers_listed(plane: Plane, endpoint: str, models: Zoo) -> None:
    plane.load(endpoint, models.double.spec(endpoint))
    plane.route(endpoint, 1, endpoint)
    answer = plane.ask(endpoint, body({"x": 1.0}))
    assert answer.status_code == 200
    outward = {name for name, direction, *_ in rows("Headers", "Header") if "out" in direction.split(", ")}
    always = outward - {v2.HEADER_LENGTH, "retry-after", "www-authenticate"}
    assert set(answer.headers) - {"content-length"} == always


def test_the_settings_are_those_listed() -> None:
    used = set(re.findall(r'environ(?:\.get\(|, )"(SIGNALBOX_\w+)"', (SERVING / "places.py").read_text()))
    assert {name for name, *_ in rows("Settings", "Variable")} == used


def test_the_calls_of_the_agent_are_those_listed() -> None:
    nothing = SimpleNamespace()
    routes = Api(*[nothing] * 9).application().routes  # type: ignore[arg-type]
    offered = {
        f"{method} {route.path}"  # type: ignore[attr-defined]
        for route in routes
        for method in route.methods - {"HEAD"}  # type: ignore[attr-defined]
    }
    assert {call for call, _ in rows("The agent's API", "Call")} == offered


def test_the_limits_are_those_listed() -> None:
    listed = {name: value for name, value, _ in rows("Limits", "Limit")}
    limits = contract.Limits()
    assert listed["body"].startswith(f"{limits.body_bytes // 2**20} MiB")
    assert listed["rows of one request"].startswith(f"{limits.rows:,} ")
    assert listed["time for one answer"].startswith(f"{limits.deadline_ms // 1000} s")
    assert listed["time to be ready"].startswith(f"{limits.start_seconds} s")
    assert listed["memory"].startswith(f"{limits.memory_bytes // 2**30} GiB")
    assert listed["processors"].startswith("no bound") == (limits.cpu_millis == 0)
    assert listed["files and bytes of a version"].startswith(f"{limits.files:,} and {limits.copy_bytes // 2**30} GiB")
    assert listed["revisions on one machine"].startswith(f"{contract.SLOTS} ")
    assert f"(1 to {contract.MOST_REPLICAS}, both 1 unless said)" in TEXT
    assert listed["requests at one revision"].startswith(f"{configuration.PER_REVISION};")
