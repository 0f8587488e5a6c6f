"""The first command on a bare machine: what is missing is named, and nothing is done twice."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
TOOLS = ("sh", "awk", "cat", "chmod", "cut", "dirname", "grep", "mkdir", "rm", "sha256sum")
PYTHON = """#!/bin/sh
case "$*" in
    *version_info*) echo 3.11 ;;
    *ensurepip*) exit {venv_module} ;;
    --version) echo "Python 3.11.2" ;;
    "-m venv .venv") mkdir -p .venv/bin; cp "$0" .venv/bin/python ;;
    *"pip install"*) exit {network} ;;
esac
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with a bare set of programs on the path and no Python."""
    (tmp_path / "tools").mkdir()
    (tmp_path / "bin").mkdir()
    shutil.copy(PROJECT / "tools" / "bootstrap", tmp_path / "tools" / "bootstrap")
    for lock in ("requirements.txt", "requirements-dev.txt"):
        (tmp_path / lock).write_text("")
    for tool in (*TOOLS, "cp"):
        found = shutil.which(tool)
        assert found, tool
        (tmp_path / "bin" / tool).symlink_to(found)
    _program(tmp_path, "df", "#!/bin/sh\necho header\necho /dev/disk 9000 1 8000 1% /\n")
    return tmp_path


def _program(checkout: Path, name: str, text: str) -> None:
    path = checkout / "bin" / name
    path.unlink(missing_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def _bootstrap(checkout: Path, wanted: str = "runtime") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(checkout / "tools" / "bootstrap"), wanted],
        env={"PATH": str(checkout / "bin")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_python(checkout: Path) -> None:
    done = _bootstrap(checkout)
    assert done.returncode == 1
    assert "Python 3.11 is not on the path" in done.stderr


def test_without_the_venv_module(checkout: Path) -> None:
    _program(checkout, "python3.11", PYTHON.format(venv_module=1, network=0))
    done = _bootstrap(checkout)
    assert done.returncode == 1
    assert "apt-get install python3-venv" in done.stderr


def test_without_space(checkout: Path) -> None:
    _program(checkout, "python3.11", PYTHON.format(venv_module=0, network=0))
    _program(checkout, "df", "#!/bin/sh\necho header\necho /dev/disk 9000 8900 100 99% /\n")
    done = _bootstrap(checkout)
    assert done.returncode == 1
    assert "Only 100 MB are free here, and the packages need 2048 MB" in done.stderr


def test_without_network(checkout: Path) -> None:
    _program(checkout, "python3.11", PYTHON.format(venv_module=0, network=1))
    done = _bootstrap(checkout)
    assert done.returncode == 1
    assert "could not be fetched. Check the network" in done.stderr
    assert (checkout / ".venv" / "signalbox-lock").read_text() == ""  # ours, and not finished


@pytest.mark.parametrize(("stamped", "wanted"), [("runtime", "runtime"), ("tests", "tests"), ("tests", "runtime")])
def test_an_unchanged_lock_is_not_installed_again(checkout: Path, stamped: str, wanted: str) -> None:
    _program(checkout, "python3.11", PYTHON.format(venv_module=0, network=1))
    (checkout / ".venv" / "bin").mkdir(parents=True)
    shutil.copy(checkout / "bin" / "python3.11", checkout / ".venv" / "bin" / "python")
    script = (checkout / "tools" / "bootstrap").read_bytes()
    digest = hashlib.sha256(script).hexdigest()  # the locks are empty here
    (checkout / ".venv" / "signalbox-lock").write_text(f"{stamped} {digest}\n")
    done = _bootstrap(checkout, wanted)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_changed_lock_is_installed(checkout: Path) -> None:
    _program(checkout, "python3.11", PYTHON.format(venv_module=0, network=1))
    (checkout / ".venv").mkdir()
    (checkout / ".venv" / "signalbox-lock").write_text("runtime of-another-day\n")
    assert "could not be fetched" in _bootstrap(checkout).stderr


@pytest.mark.parametrize("stamped", [False, True])
def test_only_an_environment_made_here_is_replaced(checkout: Path, stamped: bool) -> None:
    """A `.venv` that does not run may be somebody's work, or another user's: it is left alone unless it is ours."""
    _program(checkout, "python3.11", PYTHON.format(venv_module=0, network=1))
    (checkout / ".venv").mkdir()
    (checkout / ".venv" / "precious").write_text("work")
    if stamped:
        (checkout / ".venv" / "signalbox-lock").write_text("runtime of-another-day\n")
    done = _bootstrap(checkout)
    assert done.returncode == 1
    assert (checkout / ".venv" / "precious").exists() is not stamped
    assert ("did not make it" in done.stderr) is not stamped


def test_ordinary_user_is_told_how_to_get_a_browser(tmp_path: Path) -> None:
    (tmp_path / "id").write_text("#!/bin/sh\necho 1000\n")
    (tmp_path / "apt-get").write_text("#!/bin/sh\nexit 1\n")
    for name in ("id", "apt-get"):
        (tmp_path / name).chmod(0o755)
    sh = shutil.which("sh")
    assert sh
    (tmp_path / "sh").symlink_to(sh)
    done = subprocess.run(
        [sh, str(PROJECT / "tools" / "bootstrap-browser")],
        env={"PATH": str(tmp_path), "HOME": os.environ.get("HOME", "/")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "sudo apt-get install" in done.stderr
