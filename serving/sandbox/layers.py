"""Puts on the layers, in the only order that works, and reports which are in force.

`uid` an account of its own, `network` an empty network namespace, `mounts` a root with only the listed paths,
`limits` bounds on memory, files and processes, `no_new_privs`, `landlock`; `cpu` a share of the processors,
where asked for.
"""

import os
import resource
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from serving.sandbox import kernel, landlock, quota, tree

ISOLATING: Final = frozenset({"uid", "landlock", "network"})
"""Without any of these, a format that executes code is not loaded."""

SYSTEM_PATHS: Final = (
    *("/usr", "/lib", "/lib64", "/lib32", "/bin", "/etc/ld.so.cache", "/etc/localtime", "/etc/ssl/certs"),
    *("/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/sys/devices/system/cpu", "/dev/urandom", "/dev/random"),
)
DEVICES: Final = ("/dev/null", "/dev/zero")
OPEN_FILES: Final = 512
PROCESSES: Final = 256


@dataclass(frozen=True, slots=True)
class Plan:
    """What one process may touch. `account` is its own uid when started as root; `stage` any folder of ours."""

    copy: Path
    spool: Path
    scratch: Path
    stage: Path
    code: tuple[Path, ...]
    account: int
    memory_bytes: int
    file_bytes: int
    cpu_millis: int = 0


@dataclass
class Report:
    """Layers in force with a word about each, and why the others are not."""

    layers: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    @property
    def isolated(self) -> bool:
        return bool(ISOLATING & self.layers.keys())

    def attempt(self, name: str, put_on: Callable[[], str]) -> bool:
        """Put one layer on; a kernel that says no is noted."""
        try:
            self.layers[name] = put_on()
        except OSError as error:
            self.missing[name] = str(error)
            return False
        return True


def apply(plan: Plan, wanted: Mapping[str, bool] | None = None) -> Report:
    """Put on every layer the kernel offers. `wanted` can leave some out (tests). The process must have one thread."""
    wanted = wanted or {}
    report = Report()
    root = os.geteuid() == 0
    ids = (plan.account, plan.account) if root else (os.geteuid(), os.getegid())
    steps: list[tuple[str, Callable[[], str]]] = [
        *([("cpu", lambda: _cpu(plan.cpu_millis))] if plan.cpu_millis else []),
        ("network", lambda: _network(root)),
        ("mounts", lambda: _mounts(plan, ids)),
        ("limits", lambda: _limits(plan, root)),
        ("uid", lambda: _uid(plan, root, "mounts" in report.layers)),
        ("no_new_privs", _no_new_privs),
        ("landlock", lambda: _landlock(plan, "mounts" in report.layers)),
    ]
    for name, put_on in steps:
        if wanted.get(name, True):
            report.attempt(name, put_on)
        else:
            report.missing[name] = "left out"
    _environment(plan, "mounts" in report.layers)
    return report


def _network(root: bool) -> str:
    if root:
        kernel.unshare(kernel.CLONE_NEWNET | kernel.CLONE_NEWIPC)
        return "empty namespace"
    uid, gid = os.geteuid(), os.getegid()
    kernel.unshare(kernel.CLONE_NEWUSER | kernel.CLONE_NEWNET | kernel.CLONE_NEWIPC)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    return "empty namespace"


def _mounts(plan: Plan, ids: tuple[int, int]) -> str:
    kernel.unshare(kernel.CLONE_NEWNS)
    tree.enter(plan.stage, [*_readable(plan)], [plan.spool, *map(Path, DEVICES)], ids)
    return "own root"


def _readable(plan: Plan) -> list[Path]:
    return [plan.copy, *plan.code, *map(Path, SYSTEM_PATHS)]


def _limits(plan: Plan, root: bool) -> str:
    bounds = {
        resource.RLIMIT_AS: _address_space() + plan.memory_bytes,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: plan.file_bytes,
        resource.RLIMIT_NOFILE: OPEN_FILES,
    }
    if root:
        # Counted per account: only an account of its own has no processes of others in the count.
        bounds[resource.RLIMIT_NPROC] = PROCESSES
    for name, value in bounds.items():
        hard = resource.getrlimit(name)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(name, (value, value))
    return f"{plan.memory_bytes // 1024**2} MiB beyond the start, {OPEN_FILES} files"


def _cpu(millis: int) -> str:
    given = quota.given()
    if given is not None and given * 1000 <= millis:
        return f"{given:g} processors, by its container"
    try:
        quota.confine(millis)
    except OSError as error:
        raise OSError(f"not limited here, for lack of a control group of its own: {error}") from error
    return f"{millis / 1000:g} processors, by a control group of its own"


def _address_space() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if Path("/proc/self/statm").exists() else 0
    return pages * resource.getpagesize() or 1024**3


def _uid(plan: Plan, root: bool, own_root: bool) -> str:
    if not root:
        kernel.drop_capabilities()
        raise OSError("not started as root; it runs as the account that started everything")
    if not own_root and not all(_passable(path) for path in (*plan.code, plan.copy)):
        raise OSError("the interpreter or the copy lies where only its owner may enter")
    os.setgroups([])
    os.setresgid(plan.account, plan.account, plan.account)
    os.setresuid(plan.account, plan.account, plan.account)
    kernel.drop_capabilities()
    return str(plan.account)


def _passable(path: Path) -> bool:
    return all(parent.stat().st_mode & 0o001 for parent in (path.resolve(), *path.resolve().parents))


def _no_new_privs() -> str:
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    return "set"


def _landlock(plan: Plan, own_root: bool) -> str:
    scratch = tree.SCRATCH if own_root else plan.scratch
    version = landlock.restrict(_readable(plan), [plan.spool, scratch, *map(Path, DEVICES)])
    return f"version {version}"


def _environment(plan: Plan, own_root: bool) -> None:
    """Leave the process only what a numeric library asks for."""
    scratch = str(tree.SCRATCH if own_root else plan.scratch)
    kept = {name: value for name, value in os.environ.items() if name.endswith("_NUM_THREADS")}
    os.environ.clear()
    os.environ.update(
        {
            **kept,
            **dict.fromkeys(("HOME", "TMPDIR", "MLFLOW_HOME"), scratch),
            "PATH": "/usr/bin:/bin",
            "LC_ALL": "C.UTF-8",
            "USER": "revision",
            "PYTHONDONTWRITEBYTECODE": "1",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "DO_NOT_TRACK": "1",
            "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "true",
        }
    )


def code_paths() -> tuple[Path, ...]:
    """Where the interpreter, its packages and this package lie."""
    package = Path(__file__).resolve().parents[1]
    prefixes = {Path(p) for p in (sys.prefix, sys.base_prefix, sys.exec_prefix)}
    return (*sorted(prefixes), package)
