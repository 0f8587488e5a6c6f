"""A private PostgreSQL and Valkey for a test run, started before Django reads its settings.

`tests/settings.py` calls `start()` first. The processes belong to the pytest that started them and die with it, even
when it is killed. Of xdist's workers the first inherits them and each other has its own: the log is ordered by
transactions, and a long one in another database of the same server would hold it up. `DATABASE_URL` and `REDIS_URL` in
the environment win.
"""

import atexit
import ctypes
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from portal.embedded import binaries, identity, postgres, valkey
from tests.waiting import wait_until

PREFIX = "signalbox-services-"
FOLDER_VARIABLE = "SIGNALBOX_TEST_SERVICES"
# Which xdist worker the addresses in the environment are for, and which of them were set here.
WORKER_VARIABLE, OURS_VARIABLE = "SIGNALBOX_TEST_WORKER", "SIGNALBOX_TEST_OURS"
FIRST_WORKER = "gw0"
SUPERUSER_VARIABLE = "SIGNALBOX_TEST_SUPERUSER_URL"
PR_SET_PDEATHSIG = 1


@dataclass
class Services:
    """What this process started and must end."""

    folder: Path
    processes: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.send_signal(signal.SIGINT)
        for process in self.processes:
            process.wait(timeout=20)
        shutil.rmtree(self.folder, ignore_errors=True)


def start() -> Path:
    """Start what the environment does not name, put the addresses into it, and return the run's own folder.

    May be repeated, in this process or in one that inherited its environment.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER", FIRST_WORKER)
    if os.environ.get(WORKER_VARIABLE) == worker:
        return Path(os.environ[FOLDER_VARIABLE])
    for inherited in os.environ.get(OURS_VARIABLE, "").split():
        del os.environ[inherited]
    os.environ[WORKER_VARIABLE] = worker
    _remove_leftovers()
    services = Services(Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-")))
    services.folder.chmod(0o711)
    os.environ[FOLDER_VARIABLE] = str(services.folder)
    atexit.register(services.stop)
    given, waits = set(os.environ), []
    os.environ.setdefault("SIGNALBOX_VAR", str(services.folder / "var"))
    if "DATABASE_URL" not in os.environ:
        waits.append(_start_postgres(services))
    if "REDIS_URL" not in os.environ:
        waits.append(_start_valkey(services))
    for wait in waits:
        wait()
    os.environ[OURS_VARIABLE] = " ".join(sorted(set(os.environ) - given))
    return services.folder


def _start_postgres(services: Services) -> Callable[[], None]:
    account = identity.for_databases()
    programs = binaries.postgres(account, services.folder / "programs")
    sockets = identity.own(services.folder / "pg", account, 0o711)
    cluster = postgres.Cluster(programs, services.folder / "postgres", sockets, account, durable=False)
    postgres.initialise(cluster)
    process = _spawn(services, "postgres", postgres.command(cluster), account)
    os.environ["DATABASE_URL"] = os.environ["DATABASE_OWNER_URL"] = cluster.url(postgres.OWNER, "signalbox")
    os.environ[SUPERUSER_VARIABLE] = cluster.url(postgres.SUPERUSER, "signalbox")
    for role in ("sequencer", "signer", "privacy"):
        os.environ[f"DATABASE_{role.upper()}_URL"] = cluster.url(f"signalbox_{role}", "signalbox")
    os.environ["SIGNALBOX_TEST_MLFLOW_DATABASE_URL"] = cluster.url(
        postgres.MLFLOW, "mlflow", scheme="postgresql+psycopg2"
    )

    def ready() -> None:
        wait_until(lambda: process.poll() is not None or postgres.answers(cluster), 20, "PostgreSQL to answer")
        postgres.ensure_roles(cluster, {})
        postgres.allow_everything(cluster)

    return ready


def _start_valkey(services: Services) -> Callable[[], None]:
    account = identity.for_databases()
    home = identity.own(services.folder / "valkey", account, 0o711)
    server = valkey.Valkey(
        binaries.valkey(account, services.folder / "programs"), home, home / "valkey.sock", account, durable=False
    )
    process = _spawn(services, "valkey", valkey.command(server), account)
    os.environ["REDIS_URL"] = server.url()
    return lambda: _settle(process, server)


def _settle(process: "subprocess.Popen[bytes]", server: valkey.Valkey) -> None:
    wait_until(lambda: process.poll() is not None or valkey.answers(server), 20, "Valkey to answer")


def _spawn(
    services: Services, name: str, command: list[str], account: identity.Account | None
) -> "subprocess.Popen[bytes]":
    with (services.folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=services.folder / name,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
            start_new_session=True,
            preexec_fn=die_with_parent,
            **identity.popen_arguments(account),
        )
    services.processes.append(process)
    return process


def die_with_parent() -> None:
    """Ask the kernel to end this process when the pytest that started it is gone."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)


def _remove_leftovers() -> None:
    """Remove folders of test runs that were killed: the process id is in the name."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        pid = folder.name.removeprefix(PREFIX).split("-")[0]
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)


def role_url(role: str, database: str) -> str:
    """The address for another role of the test server, e.g. `role_url("signalbox_app", "test_signalbox")`."""
    base = os.environ["DATABASE_URL"]
    scheme, rest = base.split("://", 1)
    _, tail = rest.split("@", 1)
    query = tail.partition("?")[2]
    host = tail.partition("/")[0]
    return f"{scheme}://{role}@{host}/{database}" + (f"?{query}" if query else "")
