"""A share of the processors: what is written into which group, and that this host's kernel takes it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from serving.sandbox import layers, quota
from tests.serving.zoo import PROJECT

V1 = "3:cpuset:/\n2:cpuacct,cpu:/service\n0::/\n"


def first_group(tmp_path: Path) -> Path:
    """Control groups of version 1 as folders: the kernel would fill a new one by itself."""
    (tmp_path / "cpu" / "service").mkdir(parents=True)
    return tmp_path


def about(tmp_path: Path, text: str) -> Path:
    place = tmp_path / "about"
    place.write_text(text)
    return place


def test_in_version_1_it_lies_below_our_own_group(tmp_path: Path) -> None:
    group = quota.confine(250, first_group(tmp_path), about(tmp_path, V1))
    assert group.parent == tmp_path / "cpu" / "service"
    written = {path.name: path.read_text() for path in group.iterdir()}
    assert written == {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "25000", "cgroup.procs": "0"}


def test_in_a_container_ours_is_the_first(tmp_path: Path) -> None:
    text = V1.replace("/service", "/docker/of/the/host")
    assert quota.confine(250, first_group(tmp_path), about(tmp_path, text)).parent == tmp_path / "cpu"


def test_in_version_2_one_is_made_only_below_the_first(tmp_path: Path) -> None:
    group = quota.confine(1500, tmp_path, about(tmp_path, "0::/\n"))
    assert (group / "cpu.max").read_text() == "150000 100000"
    assert (tmp_path / "cgroup.subtree_control").read_text() == "+cpu"
    with pytest.raises(OSError, match="cannot be divided"):
        quota.confine(1500, tmp_path, about(tmp_path, "0::/system.slice/signalbox.service\n"))


def test_no_less_is_written_than_the_kernel_takes(tmp_path: Path) -> None:
    group = quota.confine(1, tmp_path, about(tmp_path, "0::/\n"))
    assert (group / "cpu.max").read_text() == "1000 100000"


def test_groups_of_processes_that_have_ended_are_removed(tmp_path: Path) -> None:
    root = first_group(tmp_path)
    ended, other = root / "cpu" / "service" / "signalbox-7-aa", root / "cpu" / "service" / "theirs"
    ended.mkdir()
    other.mkdir()
    quota.confine(250, root, about(tmp_path, V1))
    assert (ended.exists(), other.exists()) == (False, True)


def test_what_cannot_be_bounded_leaves_no_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, text = first_group(tmp_path), about(tmp_path, V1)

    def refuse(path: Path, value: str) -> int:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "write_text", refuse)
    with pytest.raises(OSError, match="Read-only"):
        quota.confine(250, root, text)
    assert list((root / "cpu" / "service").iterdir()) == []


@pytest.mark.parametrize(
    ("known", "said"),
    [("50000 100000", "0.5 processors, by its container"), ("max 100000", ""), ("80000 100000", ""), (None, "")],
)
def test_a_container_with_no_more_than_that_is_enough(
    known: str | None, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if known:
        (tmp_path / "cpu.max").write_text(known)
    given = quota.given(tmp_path)
    monkeypatch.setattr(quota, "given", lambda: given)

    def refuse(millis: int) -> Path:
        raise OSError("nobody may make one")

    monkeypatch.setattr(quota, "confine", refuse)
    report = layers.Report()
    report.attempt("cpu", lambda: layers._cpu(500))
    assert report.layers == ({"cpu": said} if said else {})
    assert report.missing == (
        {} if said else {"cpu": "not limited here, for lack of a control group of its own: nobody may make one"}
    )


SPINS = """
import time
from pathlib import Path
from serving.sandbox import quota
try:
    group = quota.confine(100)
except OSError as error:
    raise SystemExit(f"refused: {error}")
while time.process_time() < 0.05 or "nr_throttled 0" in (group / "cpu.stat").read_text():
    pass
print(Path("/proc/self/cgroup").read_text())
print(group)
"""


def test_this_hosts_kernel_slows_the_process_down() -> None:
    """A host that lets us make groups may not lose them unnoticed; elsewhere it is said that there is none."""
    done = subprocess.run([sys.executable, "-c", SPINS], cwd=PROJECT, capture_output=True, text=True, check=False)
    if os.access(quota.ROOT / "cpu", os.W_OK) and os.geteuid() == 0:
        assert done.returncode == 0, done.stderr
    if done.returncode:
        assert done.stderr.startswith("refused: ")
    else:
        *groups, place = done.stdout.split()
        assert any(line.endswith(f"/{Path(place).name}") for line in groups)
        Path(place).rmdir()
