"""Where everything of one checkout lives on disk, including the short folder that Unix sockets need."""

import hashlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from portal.embedded import identity
from portal.embedded.errors import StartError
from portal.embedded.identity import Account

# A socket's path may have 107 bytes; the longest of ours adds fewer than 60 to its folder.
LONGEST_SOCKET_FOLDER = 45
AWKWARD = "\"'\\#$%"
MARKER = ".signalbox-data"


@dataclass(frozen=True)
class Layout:
    """The folders of one checkout. `database_home` and `sockets` may lie elsewhere; `elsewhere` lists those that do."""

    project: Path
    var: Path
    sockets: Path
    database_home: Path
    account: Account | None

    @property
    def logs(self) -> Path:
        return self.var / "logs"

    @property
    def state(self) -> Path:
        return self.var / "run-state"

    @property
    def holds(self) -> Path:
        """One empty file for each process a person wants stopped for a while."""
        return self.state / "hold"

    @property
    def keys(self) -> Path:
        return self.var / "secrets"

    @property
    def run(self) -> Path:
        """Sockets of the portal and the data plane; only their own account may enter."""
        return self.sockets / "s"

    @property
    def elsewhere(self) -> tuple[Path, ...]:
        return tuple(path for path in (self.database_home, self.sockets) if not path.is_relative_to(self.var))

    @property
    def owned(self) -> tuple[Path, ...]:
        """Every folder `make reset` removes."""
        return (self.var, *self.elsewhere)


def resolve(project: Path, environ: Mapping[str, str]) -> Layout:
    """Decide the places; nothing is made yet."""
    project = project.resolve()
    var = Path(environ.get("SIGNALBOX_VAR") or project / "var").resolve()
    account = identity.for_databases()
    name = "signalbox-" + hashlib.sha256(os.fsencode(var)).hexdigest()[:10]
    reachable = identity.can_enter(account, var.parent)
    home = var if reachable else Path("/var/lib") / name
    return Layout(project, var, _sockets(var, name, reachable), home, account)


def _sockets(var: Path, name: str, reachable: bool) -> Path:
    inside = var / "run"
    if reachable and len(os.fsencode(inside)) <= LONGEST_SOCKET_FOLDER:
        return inside
    if os.geteuid() == 0:
        return Path("/run") / name
    return Path(tempfile.gettempdir()) / f"{name}-{os.geteuid()}"


def demand_plain_names(layout: Layout) -> None:
    """HAProxy's configuration and its sockets cannot carry every character a folder's name can."""
    for folder in (layout.var, layout.sockets):
        if found := sorted({character for character in str(folder) if character.isspace() or character in AWKWARD}):
            raise StartError(
                f"The path {folder} holds {found[0]!r}, which the gateway cannot use. "
                "Move the checkout, or set SIGNALBOX_VAR to a folder with a plain name."
            )


def prepare(layout: Layout) -> None:
    """Make the folders with their modes. The database account passes through `var`, and can list nothing in it."""
    passing = 0o711 if layout.account else 0o700
    if not _ours_or_empty(layout):
        raise StartError(
            f"{layout.var} holds something that is not Signalbox's. Set SIGNALBOX_VAR to an empty folder or a new one."
        )
    _own_private(layout.var, passing)
    (layout.var / MARKER).write_text(f"{layout.project}\n")
    for folder in layout.elsewhere:
        _own_private(folder, passing)
        (folder / MARKER).write_text(f"{layout.project}\n")
    _own_private(layout.sockets, passing)
    for folder in (layout.run, layout.run / "mlflow", layout.logs, layout.state, layout.keys):
        _own_private(folder, 0o700)


def _ours_or_empty(layout: Layout) -> bool:
    var = layout.var
    default = var == layout.project / "var"
    return default or not var.exists() or (var / MARKER).is_file() or not any(var.iterdir())


def _own_private(folder: Path, mode: int) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=mode)
    except OSError as error:
        raise StartError(
            f"The folder {folder} cannot be made: {error.strerror}. Free some space or fix its rights."
        ) from error
    if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
        raise StartError(
            f"The folder {folder} belongs to somebody else. Remove it or set SIGNALBOX_VAR to another one."
        )
    folder.chmod(mode)


def belongs_here(layout: Layout, folder: Path) -> bool:
    """Whether the folder carries the marker of this very checkout."""
    marker = folder / MARKER
    return marker.is_file() and marker.read_text().strip() == str(layout.project)
