"""The environment each process gets. Every process knows only the database address of its own role."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from portal.embedded import binaries, keys, postgres
from portal.embedded.configuration import Configuration
from portal.embedded.layout import Layout
from portal.embedded.postgres import Cluster
from portal.embedded.valkey import Valkey

OWN_VARIABLES = (
    "DATABASE_",
    "MLFLOW_",
    "SIGNALBOX_SECRET",
    "SIGNALBOX_TOKEN",
    "SIGNALBOX_ARTIFACT_KEY",
    "REDIS_URL",
    "EMAIL_URL",
)
# What a process of the data plane may inherit: it runs models, so it is told no secret of the person who started it.
HARMLESS = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "TMPDIR",
    "SIGNALBOX_CRASH_POINT",
    "SIGNALBOX_TEST_BUILD",
)
SIGNALBOX_FILES = {
    "SIGNALBOX_SECRET_KEY_FILE": keys.SECRET_KEY,
    "SIGNALBOX_TOKEN_PEPPER_FILE": keys.TOKEN_PEPPER,
    "SIGNALBOX_ARTIFACT_KEY_FILE": keys.ARTIFACT_KEY,
    "SIGNALBOX_MLFLOW_HOOK_SECRET_FILE": keys.MLFLOW_HOOK,
}


@dataclass(frozen=True)
class Stores:
    """The embedded stores (None where a real server is named) and the addresses of all of them."""

    cluster: Cluster | None
    valkey: Valkey | None
    passwords: Mapping[str, str]
    databases: Mapping[str, str]
    redis_url: str
    mlflow_backend: str


def stores(layout: Layout, configuration: Configuration, environ: Mapping[str, str]) -> Stores:
    """Locate the embedded stores and work out every address."""
    programs = layout.database_home / "programs"
    cluster, broker, passwords = None, None, {}
    if not configuration.database_url or not configuration.mlflow_backend:
        cluster = Cluster(
            binaries.postgres(layout.account, programs),
            layout.database_home / "postgres",
            layout.sockets / "pg",
            layout.account,
        )
        passwords = keys.passwords(layout.keys, (postgres.SUPERUSER, *postgres.ROLES))
    if not configuration.redis_url:
        home = layout.database_home / "valkey"
        program = binaries.valkey(layout.account, programs)
        broker = Valkey(program, home, layout.sockets / "valkey" / "valkey.sock", layout.account)
    return Stores(
        cluster=cluster,
        valkey=broker,
        passwords=passwords,
        databases=_databases(configuration, cluster, passwords, environ),
        redis_url=configuration.redis_url or (broker.url() if broker else ""),
        mlflow_backend=configuration.mlflow_backend or _mlflow_backend(cluster, passwords),
    )


def _databases(
    configuration: Configuration, cluster: Cluster | None, passwords: Mapping[str, str], environ: Mapping[str, str]
) -> dict[str, str]:
    """Address by variable. With a real server the other roles default to the one address given."""
    roles = {
        "DATABASE_URL": "signalbox_app",
        "DATABASE_OWNER_URL": postgres.OWNER,
        "DATABASE_SEQUENCER_URL": "signalbox_sequencer",
        "DATABASE_SIGNER_URL": "signalbox_signer",
        "DATABASE_PRIVACY_URL": "signalbox_privacy",
    }
    if configuration.database_url or cluster is None:
        return {variable: environ.get(variable) or configuration.database_url for variable in roles}
    return {variable: cluster.url(role, "signalbox", passwords[role]) for variable, role in roles.items()}


def _mlflow_backend(cluster: Cluster | None, passwords: Mapping[str, str]) -> str:
    if cluster is None:
        return ""
    return cluster.url(postgres.MLFLOW, "mlflow", passwords[postgres.MLFLOW], scheme="postgresql+psycopg2")


@dataclass(frozen=True)
class Environments:
    """One environment for each kind of process."""

    portal: dict[str, str]
    owner: dict[str, str]
    sequencer: dict[str, str]
    signer: dict[str, str]
    mlflow: dict[str, str]
    data_plane: dict[str, str]
    bare: dict[str, str]


def build(
    layout: Layout, configuration: Configuration, found: Stores, environ: Mapping[str, str], signer_apart: bool
) -> Environments:
    """All environments of one start."""
    bare = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
    shared = _shared(layout, configuration, environ)
    inherited = {name: value for name, value in environ.items() if not name.startswith(OWN_VARIABLES)}
    harmless = {name: value for name, value in inherited.items() if name.startswith((*HARMLESS, "SIGNALBOX_"))}
    common = {
        **inherited,
        **shared,
        **{variable: str(keys.ensure(layout.keys, name)) for variable, name in SIGNALBOX_FILES.items()},
        "REDIS_URL": found.redis_url,
        "MLFLOW_UPSTREAM": configuration.mlflow_upstream or f"unix:{layout.run / 'mlflow' / 'mlflow.sock'}",
        "SIGNALBOX_SIGNER_ACCOUNT": "own" if signer_apart else "shared",
        "DJANGO_SETTINGS_MODULE": environ.get("DJANGO_SETTINGS_MODULE", "portal.settings"),
    }
    common |= {"EMAIL_URL": environ["EMAIL_URL"]} if environ.get("EMAIL_URL") else {}
    runtime = {"DATABASE_URL": found.databases["DATABASE_URL"]}
    signer_home = {} if not signer_apart else {"HOME": str(layout.var / "signer")}
    return Environments(
        portal={**common, **runtime, "DATABASE_PRIVACY_URL": found.databases["DATABASE_PRIVACY_URL"]},
        owner={**common, "DATABASE_URL": found.databases["DATABASE_OWNER_URL"]},
        sequencer={**common, **runtime, "DATABASE_SEQUENCER_URL": found.databases["DATABASE_SEQUENCER_URL"]},
        signer={**harmless, **signer_home, **shared, "DATABASE_SIGNER_URL": found.databases["DATABASE_SIGNER_URL"]},
        mlflow={
            **inherited,
            **_mlflow_own(environ),
            **mlflow_variables(found.mlflow_backend, artifact_root(layout, configuration)),
            **_webhooks(layout),
        },
        data_plane={**harmless, **shared, **QUIET_NUMERICS},
        bare=bare,
    )


def _webhooks(layout: Layout) -> dict[str, str]:
    """Lets MLflow tell the portal, which is on this host and speaks plain HTTP to it, of changes in the registry."""
    return {
        "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": keys.ensure(layout.keys, keys.MLFLOW_SECRETS).read_text().strip() + "=",
        "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https",
        "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
    }


def _mlflow_own(environ: Mapping[str, str]) -> dict[str, str]:
    """Settings of MLflow's own that a person may give, such as the address of an S3 store."""
    ours = ("MLFLOW_BACKEND_URI", "MLFLOW_UPSTREAM", "MLFLOW_TRACKING")
    return {key: value for key, value in environ.items() if key.startswith("MLFLOW_") and not key.startswith(ours)}


# One prediction uses one core; the numeric libraries' own threads would only fight each other.
QUIET_NUMERICS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def _shared(layout: Layout, configuration: Configuration, environ: Mapping[str, str]) -> dict[str, str]:
    """What every process may know: places and public addresses."""
    var = layout.var
    return {
        "SIGNALBOX_MODE": configuration.mode,
        "SIGNALBOX_VAR": str(var),
        "SIGNALBOX_RUN": str(layout.run),
        "SIGNALBOX_URL": configuration.url,
        "SIGNALBOX_GATEWAY_URL": configuration.gateway_url,
        "SIGNALBOX_GATEWAY_BIND": configuration.gateway_bind,
        "SIGNALBOX_PORT": str(configuration.port),
        "SIGNALBOX_GATEWAY_PORT": str(configuration.gateway_port),
        "SIGNALBOX_STORE": str(store(layout, configuration)),
        "SIGNALBOX_SERVING_DIR": str(var / "serving"),
        "SIGNALBOX_AGENT": f"unix:{layout.run / 'agent.sock'}",
        "SIGNALBOX_SIGNER_DIR": str(var / "signer"),
        "SIGNALBOX_CHECKPOINT_DIR": str(checkpoints(layout, configuration)),
        "SIGNALBOX_LOG_ORIGIN": environ.get("SIGNALBOX_LOG_ORIGIN") or "signalbox/local",
        "PYTHONUNBUFFERED": "1",
        "MALLOC_ARENA_MAX": "2",
    }


def artifact_root(layout: Layout, configuration: Configuration) -> str:
    return configuration.artifact_root or str(layout.var / "artifacts")


def store(layout: Layout, configuration: Configuration) -> Path:
    """Where artifacts of versions are kept as they were approved."""
    return Path(configuration.store or layout.var / "store").resolve()


def checkpoints(layout: Layout, configuration: Configuration) -> Path:
    """Where signed checkpoints are published outside the database."""
    return Path(configuration.checkpoints or layout.var / "checkpoints").resolve()


def mlflow_variables(backend: str, artifacts: str) -> dict[str, str]:
    """What `mlflow server` would set for its workers; no jobs, no telemetry, artifacts through the server only."""
    return {
        "_MLFLOW_SERVER_FILE_STORE": backend,
        "_MLFLOW_SERVER_REGISTRY_STORE": backend,
        "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
        "_MLFLOW_SERVER_ARTIFACT_DESTINATION": artifacts,
        "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "1",
        "PYTHONUNBUFFERED": "1",
        "MALLOC_ARENA_MAX": "2",
        **QUIET_NUMERICS,
    }


def python() -> str:
    """The interpreter of the virtual environment this runs in."""
    return sys.executable


def beside_python(program: str) -> str:
    return str(Path(sys.executable).parent / program)
