"""The whole product as a person starts it: what the commands say, what comes back, and what is kept."""

import json
import re
import signal
import socket
from pathlib import Path

import httpx
import psutil
import pytest

from portal.embedded import ledger
from tests import stack as stacks
from tests.stack import Stack
from tests.waiting import wait_until

SERVICES = {
    *("postgres", "valkey", "router", "zygote", "agent", "grpc", "web", "worker", "beat"),
    *("sequencer", "signer", "mlflow"),
}
IDLE_LIMIT_MB = 2048


def _get(url: str) -> int:
    return httpx.get(url, timeout=20, follow_redirects=True).status_code


def test_summary_names_the_addresses_the_people_and_a_token(stack: Stack) -> None:
    assert stack.url in stack.output
    assert stack.gateway_url in stack.output
    for person in stack.people.values():
        assert person["email"] in stack.output
        assert person["password"] in stack.output
    assert any(token in stack.output for token in stack.tokens.values())


def test_demo_file_is_closed_and_whole(stack: Stack) -> None:
    file = stack.var / "demo.json"
    assert file.stat().st_mode & 0o777 == 0o600
    facts = json.loads(file.read_text())
    assert facts["url"] == stack.url
    assert facts["gateway_url"] == stack.gateway_url
    assert {"data_scientist", "ml_lead", "operator", "auditor", "administrator", "viewer"} <= set(facts["people"])
    assert facts["tokens"]


def test_status_lists_every_process_and_the_memory_stays_small(stack: Stack) -> None:
    stack.wait_ready(*SERVICES)
    lines = stack.embedded("status").stdout.splitlines()
    states = {line.split()[0]: line.split()[1] for line in lines[1:] if line and line.split()[0] in SERVICES}
    assert states == dict.fromkeys(SERVICES, "ready")
    memory = re.search(r"memory in all (\d+) MB", "\n".join(lines))
    assert memory is not None
    assert 100 < int(memory.group(1)) < IDLE_LIMIT_MB


def test_only_loopback_listens(stack: Stack) -> None:
    own = {stack.pid(name) for name in SERVICES}
    own |= {child.pid for pid in own for child in psutil.Process(pid).children(recursive=True)}
    listening = {address for pid in own for address in _listening(pid)}
    ports = {int(url.rpartition(":")[2]) for url in (stack.url, stack.gateway_url)}
    assert {ip for ip, _ in listening} == {"127.0.0.1"}
    assert {port for _, port in listening} == ports


def _listening(pid: int) -> set[tuple[str, int]]:
    """Where a process listens; nowhere, if it was a job's and has ended since it was listed."""
    try:
        found = psutil.Process(pid).net_connections(kind="inet")
    except psutil.NoSuchProcess:
        return set()
    return {(one.laddr.ip, one.laddr.port) for one in found if one.status == psutil.CONN_LISTEN}


def test_a_second_start_is_told_where_the_first_one_is(stack: Stack) -> None:
    second = stack.embedded("run", check=False)
    assert second.returncode == 1
    assert f"already running from {stacks.PROJECT}: {stack.url}" in second.stderr


def test_logs_of_one_process(stack: Stack) -> None:
    shown = stack.embedded("logs", "web").stdout
    assert shown
    assert all(line.startswith("web ") for line in shown.splitlines())
    assert "There is no log called nothing" in stack.embedded("logs", "nothing", check=False).stderr


def test_no_secret_is_in_a_log(stack: Stack) -> None:
    secrets = {path.read_text().strip() for path in (stack.var / "secrets").iterdir()}
    secrets |= {person["password"] for person in stack.people.values()} | set(stack.tokens.values())
    for log in (stack.var / "logs").iterdir():
        text = log.read_text(errors="replace")
        assert not [secret for secret in secrets if secret in text], log.name


@pytest.mark.parametrize("name", sorted(SERVICES - {"zygote"}))
def test_a_killed_process_comes_back(stack: Stack, name: str) -> None:
    stack.wait_ready(*SERVICES)
    restarts = stack.entry(name).restarts
    stack.kill_and_wait(name)
    assert stack.entry(name).restarts == restarts + 1
    wait_until(lambda: _answers(f"{stack.url}/readyz"), 30, "the portal to answer")
    wait_until(lambda: _answers(f"{stack.gateway_url}/healthz"), 30, "the gateway to answer")


def _answers(url: str) -> bool:
    try:
        return _get(url) == 200
    except httpx.HTTPError:
        return False


def test_a_killed_supervisor_is_replaced_and_the_gateway_never_stops(stack: Stack) -> None:
    stack.wait_ready(*SERVICES)
    router, web = stack.pid("router"), stack.pid("web")
    stack.process.send_signal(signal.SIGKILL)
    stack.process.wait(timeout=10)
    assert _answers(f"{stack.gateway_url}/healthz")
    assert "left these processes" in stack.embedded("status", check=False).stdout

    again = stacks.start(stack.folder, demo=True, ports=stack.ports)
    stack.process = again.process
    stack.wait_ready(*SERVICES)
    assert stack.pid("router") == router
    assert stack.pid("web") != web
    assert "router was still running and is taken over" in stack.output


def test_an_empty_portal_prints_one_link_and_stops_cleanly(empty_stack: Stack) -> None:
    link = re.search(rf"{re.escape(empty_stack.url)}/\S+", empty_stack.output.split("administrator", 1)[1])
    assert link is not None
    assert _get(link.group(0)) == 200
    assert not (empty_stack.var / "demo.json").exists()
    record = ledger.read(empty_stack.var / "run-state")
    assert record is not None
    pids = [entry.pid for entry in record.entries if entry.pid]
    stop = empty_stack.embedded("stop")
    assert "Stopped" in stop.stdout
    assert empty_stack.process.wait(timeout=30) == 0
    assert not [pid for pid in pids if psutil.pid_exists(pid)]
    assert "stopped" in empty_stack.embedded("status", check=False).stdout


def test_a_busy_port_is_named_before_anything_is_made(tmp_path: Path, stack: Stack) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        env = {**stack.env, "SIGNALBOX_VAR": str(tmp_path / "var"), "SIGNALBOX_PORT": port}
        refused = Stack(tmp_path, "", "", env, stack.process).embedded("run", check=False)
    assert refused.returncode == 1
    assert f"Port {port} for the portal is in use" in refused.stderr
    assert not (tmp_path / "var" / "postgres").exists()


def test_backup_of_a_running_portal_continues_elsewhere(stack: Stack) -> None:
    """Rows, artifacts and the log with its key come back; the signer accepts the log and goes on signing it."""
    backup = stack.folder / "backup.tar"
    stack.embedded("backup", str(backup))
    vkey = (stack.var / "checkpoints" / "vkey").read_text()
    artifacts = _files(stack.var / "store")
    assert artifacts
    with stacks.restored(backup) as second:
        second.wait_ready("web", "worker", "sequencer", "signer")
        assert (second.var / "checkpoints" / "vkey").read_text() == vkey
        assert _files(second.var / "store") == artifacts
        assert second.people == stack.people
        before = _signed_size(second)
        second.manage("first_link")
        assert _get(f"{second.url}/readyz") == 200
        wait_until(lambda: _signed_size(second) >= before, 30, "the signer to go on")
        assert "refuse" not in (second.var / "logs" / "signer.log").read_text().lower()
        assert second.manage("audit", "verify", check=False).returncode == 0


def _files(folder: Path) -> list[Path]:
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


def _signed_size(stack: Stack) -> int:
    return int((stack.var / "checkpoints" / "latest").read_text().splitlines()[1])
