"""Where everything of the data plane lies, and the settings that come from the environment."""

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from serving import contract, files

LONGEST_SOCKET = 107


class Misconfigured(ValueError):
    """A setting that cannot be used; the text names it and says what to do."""


@dataclass(frozen=True, slots=True)
class Places:
    """`home` keeps state, `run` sockets; `store` holds the artifacts sources must lie below."""

    home: Path
    run: Path
    store: Path
    slots: int = contract.SLOTS

    @property
    def copies(self) -> Path:
        return self.home / "copies"

    @property
    def records(self) -> Path:
        """What the agent knows of each revision."""
        return self.home / "revisions"

    @property
    def launches(self) -> Path:
        """What the zygote keeps running, with or without an agent."""
        return self.home / "launches"

    @property
    def spool(self) -> Path:
        return self.home / "spool"

    @property
    def stage(self) -> Path:
        """An empty folder that a revision process builds its own root on."""
        return self.home / "stage"

    @property
    def scratch(self) -> Path:
        return self.home / "scratch"

    @property
    def desired(self) -> Path:
        return self.home / "desired.json"

    @property
    def deaths(self) -> Path:
        """How many requests the router saw die, by revision."""
        return self.home / "deaths.json"

    @property
    def questions(self) -> Path:
        """In a container: how many questions are with its process."""
        return self.home / "questions"

    @property
    def shadows(self) -> Path:
        """Which shadows there are, and what they have shown."""
        return self.home / "shadows"

    @property
    def router_config(self) -> Path:
        return self.home / "router" / "haproxy.cfg"

    @property
    def routes_map(self) -> Path:
        return self.home / "router" / "routes.map"

    @property
    def keys_map(self) -> Path:
        return self.home / "router" / "keys.map"

    @property
    def unnamed_map(self) -> Path:
        return self.home / "router" / "unnamed.map"

    @property
    def hedged_map(self) -> Path:
        """Empty: which revisions hedge, the agent tells the router that runs."""
        return self.home / "router" / "hedged.map"

    @property
    def hedging_script(self) -> Path:
        return self.home / "router" / "hedging.lua"

    @property
    def router_socket(self) -> Path:
        return self.run / "router.sock"

    @property
    def zygote_socket(self) -> Path:
        return self.run / "zygote.sock"

    @property
    def gateway_socket(self) -> Path:
        """The gateway for callers on this host's own behalf: the gRPC door."""
        return self.run / "gateway.sock"

    @property
    def again_socket(self) -> Path:
        """Where the router itself asks a process of a slot, for requests that it hedges."""
        return self.run / "again.sock"

    @property
    def grpc_socket(self) -> Path:
        return self.run / "grpc.sock"

    @property
    def agent_socket(self) -> Path:
        return self.run / "agent.sock"

    @property
    def zygote_lock(self) -> Path:
        return self.run / "zygote.lock"

    def slot_socket(self, slot: int, replica: int = 0) -> Path:
        return self.run / (f"slot-{slot:02d}-{replica}.sock" if replica else f"slot-{slot:02d}.sock")

    def prepare(self) -> None:
        """Make the folders, and clear away what was half-written when a process was killed.

        `home` may be passed through, so that a revision process reaches its own copy.
        """
        self.run.mkdir(parents=True, exist_ok=True, mode=0o700)
        for folder, mode in (
            (self.home, 0o711),
            (self.copies, 0o711),
            (self.spool, 0o711),
            (self.scratch, 0o711),
            (self.stage, 0o755),
            (self.records, 0o700),
            (self.shadows, 0o700),
            (self.launches, 0o700),
            (self.router_config.parent, 0o700),
        ):
            folder.mkdir(parents=True, exist_ok=True, mode=mode)
            folder.chmod(mode)
            files.clear(folder)


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of all commands; each reads what it needs."""

    places: Places
    bind: str = "127.0.0.1:8080"
    tls_pem: str = ""
    require_key: bool = False
    metrics_bind: str = ""
    agent_bind: str = ""
    agent_token: str = ""
    uid_base: int = 64_000
    quiet_seconds: int = 60


def read(environ: Mapping[str, str] = os.environ) -> Settings:
    """Settings from the environment. Raises `Misconfigured`."""
    bind = environ.get("SIGNALBOX_GATEWAY_BIND") or "127.0.0.1:8080"
    places = Places(
        home=_folder(environ, "SIGNALBOX_SERVING_DIR"),
        run=_folder(environ, "SIGNALBOX_RUN"),
        store=_folder(environ, "SIGNALBOX_STORE"),
        slots=_whole(environ, "SIGNALBOX_SLOTS", contract.SLOTS, 1, 99),
    )
    if len(os.fsencode(places.slot_socket(99, 1))) > LONGEST_SOCKET:
        raise Misconfigured(f"SIGNALBOX_RUN is too long for Unix sockets: {places.run}. Name a shorter folder.")
    return Settings(
        places=places,
        bind=bind,
        tls_pem=environ.get("SIGNALBOX_GATEWAY_TLS_PEM") or "",
        require_key=_keys_required(environ.get("SIGNALBOX_GATEWAY_KEYS") or "", bind),
        metrics_bind=environ.get("SIGNALBOX_METRICS_BIND") or "",
        agent_bind=environ.get("SIGNALBOX_AGENT_BIND") or "",
        agent_token=_secret(environ, "SIGNALBOX_AGENT_TOKEN_FILE"),
        uid_base=_whole(environ, "SIGNALBOX_REVISION_UID", 64_000, 1, 2**31),
        quiet_seconds=_whole(environ, "SIGNALBOX_QUIET_SECONDS", 60, 1, 86_400),
    )


def address(text: str, setting: str) -> tuple[str, int]:
    """`host:port` as a pair. Raises `Misconfigured`."""
    host, separator, port = text.rpartition(":")
    if not separator or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise Misconfigured(f"{setting} must be host:port, such as 127.0.0.1:8080, and not {text!r}.")
    return host.strip("[]"), int(port)


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _keys_required(wish: str, bind: str) -> bool:
    """Open on loopback only, unless keys are asked for there too."""
    loopback = is_loopback(address(bind, "SIGNALBOX_GATEWAY_BIND")[0])
    if wish not in ("", "open", "required"):
        raise Misconfigured("SIGNALBOX_GATEWAY_KEYS must be open or required.")
    if wish == "open" and not loopback:
        raise Misconfigured("SIGNALBOX_GATEWAY_KEYS=open is for loopback only. Bind 127.0.0.1, or use endpoint keys.")
    return wish == "required" or not loopback


def _folder(environ: Mapping[str, str], name: str) -> Path:
    value = environ.get(name)
    if not value or not Path(value).is_absolute():
        raise Misconfigured(f"{name} must name a folder by its full path.")
    if any(c.isspace() or c in "\"'\\#$%" for c in value):
        raise Misconfigured(f"{name} must not hold spaces, quotes or the characters \\ # $ %.")
    return Path(value)


def _whole(environ: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    value = environ.get(name) or str(default)
    if not value.isdecimal() or not least <= int(value) <= most:
        raise Misconfigured(f"{name} must be a whole number from {least} to {most}.")
    return int(value)


def _secret(environ: Mapping[str, str], name: str) -> str:
    path = environ.get(name)
    if not path:
        return ""
    try:
        return Path(path).read_text().strip()
    except OSError as error:
        raise Misconfigured(f"{name} names {path}, which cannot be read: {error.strerror}.") from error
