"""What the person asked for, read from the environment and refused where it makes no sense."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from portal.embedded import ports
from portal.embedded.errors import StartError

SWITCH = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


@dataclass(frozen=True)
class Configuration:
    """Ports, mode and the real servers that stand in for embedded ones. An empty text means: our own."""

    mode: str
    port: int
    gateway_port: int
    demo: bool
    url: str
    gateway_url: str
    gateway_bind: str
    database_url: str
    redis_url: str
    mlflow_backend: str
    mlflow_upstream: str
    artifact_root: str
    store: str
    checkpoints: str

    @property
    def local(self) -> bool:
        return self.mode == "local"


def read(environ: Mapping[str, str]) -> Configuration:
    """The configuration, or a sentence naming the variable that is wrong."""
    mode = environ.get("SIGNALBOX_MODE") or "local"
    if mode not in {"local", "production"}:
        raise StartError(f"SIGNALBOX_MODE is {mode!r}. Set it to local or production.")
    port = ports.number(environ.get("SIGNALBOX_PORT") or "8000", "PORT")
    gateway_port = ports.number(environ.get("SIGNALBOX_GATEWAY_PORT") or "8080", "GATEWAY_PORT")
    if port == gateway_port:
        raise StartError(f"PORT and GATEWAY_PORT are both {port}. Give them different numbers.")
    scheme = "https" if environ.get("SIGNALBOX_GATEWAY_TLS_PEM") else "http"
    return Configuration(
        mode=mode,
        port=port,
        gateway_port=gateway_port,
        demo=mode == "local" and _switch(environ.get("DEMO") or "1", "DEMO"),
        url=environ.get("SIGNALBOX_URL") or f"http://localhost:{port}",
        gateway_url=environ.get("SIGNALBOX_GATEWAY_URL") or f"{scheme}://localhost:{gateway_port}",
        gateway_bind=environ.get("SIGNALBOX_GATEWAY_BIND") or f"{ports.LOOPBACK}:{gateway_port}",
        database_url=_postgres(environ.get("DATABASE_URL", ""), "DATABASE_URL"),
        redis_url=environ.get("REDIS_URL", ""),
        mlflow_backend=_sqlalchemy(environ.get("MLFLOW_BACKEND_URI", "")),
        mlflow_upstream=environ.get("MLFLOW_UPSTREAM", ""),
        artifact_root=environ.get("ARTIFACT_ROOT", ""),
        store=environ.get("SIGNALBOX_STORE", ""),
        checkpoints=environ.get("SIGNALBOX_CHECKPOINT_DIR", ""),
    )


def _switch(text: str, variable: str) -> bool:
    if text.lower() not in SWITCH:
        raise StartError(f"{variable} is {text!r}. Set it to 1 or 0.")
    return SWITCH[text.lower()]


def _postgres(url: str, variable: str) -> str:
    if url and urlsplit(url).scheme not in {"postgresql", "postgres"}:
        raise StartError(f"{variable} must be a postgresql:// URL. Signalbox runs on PostgreSQL only.")
    return url


def _sqlalchemy(url: str) -> str:
    """MLflow's library takes plain `postgresql://` for a driver that is not installed; name the one that is."""
    scheme, separator, rest = url.partition("://")
    return f"postgresql+psycopg2://{rest}" if separator and scheme in {"postgresql", "postgres"} else url
