"""The processes of one machine as data: what each is started with, needs, and is asked to tell whether it is ready."""

import signal
from collections.abc import Callable
from dataclasses import dataclass

from portal.embedded import postgres, probes, valkey, world
from portal.embedded.configuration import Configuration
from portal.embedded.environment import Environments, Stores, beside_python, checkpoints, python
from portal.embedded.identity import Account
from portal.embedded.layout import Layout
from portal.embedded.processes import Plan, Service, Step


@dataclass(frozen=True)
class Parts:
    """Everything a plan is made from."""

    layout: Layout
    configuration: Configuration
    stores: Stores
    environments: Environments
    signer: Account | None
    prepared: bool
    remember_prepared: Callable[[], None]
    world: tuple[Step, ...]


# An idle connection should end at the caller's end: one that ends here takes along what is sent in that moment, as
# after a freeze. HAProxy and callers in Python keep theirs for five seconds, and so would uvicorn by itself.
KEEP_ALIVE = ("--timeout-keep-alive", "75")


def build(parts: Parts) -> Plan:
    """The whole plan. Pages and gateway come first; MLflow's slow import waits until they answer."""
    steps = [*_preparation(parts), *parts.world]
    services = [*_stores(parts), *_data_plane(parts), *_portal(parts), *_audit(parts), *_mlflow(parts)]
    # The address is of no use before there is somebody who can sign in; a later start only repeats the link.
    content = tuple(step.name for step in parts.world if not (parts.prepared and step.name == world.FIRST_LINK))
    return Plan(tuple(services), tuple(steps), open_after=("web", "router", *content))


def _stores(parts: Parts) -> list[Service]:
    found: list[Service] = []
    cluster, broker = parts.stores.cluster, parts.stores.valkey
    if cluster:
        found.append(
            Service(
                name="postgres",
                command=tuple(postgres.command(cluster)),
                environment=parts.environments.bare,
                probe=lambda: postgres.answers(cluster),
                account=cluster.account,
                folder=cluster.home,
                stop_signal=postgres.STOP_SIGNAL,
                grace=30,
                survives=True,
                required=True,
            )
        )
    if broker:
        found.append(
            Service(
                name="valkey",
                command=tuple(valkey.command(broker)),
                environment=parts.environments.bare,
                probe=lambda: valkey.answers(broker),
                account=broker.account,
                folder=broker.home,
                survives=True,
            )
        )
    return found


def _preparation(parts: Parts) -> list[Step]:
    """Roles, tables, grants and the first environments; left out when nothing has changed since they were last made."""
    cluster = parts.stores.cluster
    if parts.prepared:
        return []
    needs: tuple[str, ...] = ()
    steps: list[Step] = []
    if cluster:
        passwords = dict(parts.stores.passwords)
        superuser = passwords.get(postgres.SUPERUSER, "")
        steps.append(
            Step("roles", needs=("postgres",), action=lambda: postgres.ensure_roles(cluster, passwords, superuser))
        )
        needs = ("roles",)
    return [
        *steps,
        Step(
            "tables",
            needs=needs,
            command=(python(), "tools/prepare_database.py"),
            environment=parts.environments.owner,
        ),
        Step(
            "environments",
            needs=("tables",),
            command=_manage("bootstrap", "--skip-checks"),
            environment=parts.environments.portal,
            done=parts.remember_prepared,
        ),
    ]


def _manage(*arguments: str) -> tuple[str, ...]:
    return (python(), "manage.py", *arguments)


def _after_preparation(parts: Parts) -> tuple[str, ...]:
    if not parts.prepared:
        return ("tables",)
    return ("postgres",) if parts.stores.cluster else ()


def _data_plane(parts: Parts) -> list[Service]:
    run, environment = parts.layout.run, parts.environments.data_plane
    command = (python(), "-m", "serving")
    return [
        Service(
            name="router",
            command=(*command, "router"),
            environment=environment,
            # Not by its port, where it may speak TLS only.
            probe=probes.http_socket(run / "gateway.sock", "/healthz"),
            survives=True,
        ),
        Service(
            name="zygote",
            command=(*command, "zygote"),
            environment=environment,
            probe=probes.accepts(run / "zygote.sock"),
            patience=120,
            restart_signal=signal.SIGHUP,  # the processes of its revisions go on, and the next one takes them over
            end_leftovers=(*command, "stop"),
            survives=True,
        ),
        Service(
            name="agent",
            command=(*command, "agent"),
            environment=environment,
            probe=probes.http_socket(run / "agent.sock", "/status"),
            survives=True,
        ),
        Service(
            name="grpc",
            command=(*command, "grpc"),
            environment=environment,
            probe=probes.accepts(run / "grpc.sock"),
            survives=True,
        ),
    ]


def _portal(parts: Parts) -> list[Service]:
    environment, logs = parts.environments.portal, parts.layout.logs
    port = parts.configuration.port
    celery = (python(), "-m", "celery", "-A", "portal")
    return [
        Service(
            name="web",
            command=(
                *(python(), "-m", "uvicorn", "portal.asgi:application", "--host", "127.0.0.1", "--port", str(port)),
                *("--no-access-log", "--no-server-header", "--no-proxy-headers", "--timeout-graceful-shutdown", "5"),
                *KEEP_ALIVE,
            ),
            environment=environment,
            probe=probes.http_port(port, "/readyz", host="localhost"),
            needs=_after_preparation(parts),
            required=True,
        ),
        Service(
            name="worker",
            command=(
                *celery,
                "worker",
                "--pool",
                "threads",
                "-c",
                "4",
                "-l",
                "INFO",
                "--without-gossip",
                "--without-mingle",
            ),
            environment=environment,
            probe=probes.log_says(logs / "worker.log", " ready."),
            needs=("web",),
        ),
        Service(
            name="beat",
            command=(*celery, "beat", "--pidfile=", f"--schedule={parts.layout.state / 'beat'}"),
            environment=environment,
            probe=probes.log_says(logs / "beat.log", "maxinterval"),
            needs=("web",),
        ),
    ]


def _audit(parts: Parts) -> list[Service]:
    return [
        Service(
            name="sequencer",
            command=_manage("audit_sequencer"),
            environment=parts.environments.sequencer,
            probe=probes.log_says(parts.layout.logs / "sequencer.log", "Sequencer "),
            needs=("web",),
        ),
        Service(
            name="signer",
            command=(python(), "-m", "portal.audit.signer"),
            environment=parts.environments.signer,
            probe=probes.file_exists(checkpoints(parts.layout, parts.configuration) / "vkey"),
            needs=_after_preparation(parts),
            account=parts.signer,
        ),
    ]


def _mlflow(parts: Parts) -> list[Service]:
    if parts.configuration.mlflow_upstream:
        return []
    path = parts.layout.run / "mlflow" / "mlflow.sock"
    needs = ("web",) if parts.prepared else ("web", *(["roles"] if parts.stores.cluster else []))
    return [
        Service(
            name="mlflow",
            command=(
                *(beside_python("uvicorn"), "tools.mlflow_app:app", "--uds", str(path)),
                *("--no-access-log", "--log-level", "warning"),
                *KEEP_ALIVE,
            ),
            environment=parts.environments.mlflow,
            probe=probes.http_socket(path, "/api/2.0/mlflow/experiments/get?experiment_id=0"),
            needs=needs,
            patience=180,
        )
    ]
