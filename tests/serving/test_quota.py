"""A share of the processors: what is written into which group, and that this host's kernel takes it."""

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


BY_HAND = """
set -e
root=$1
about=$2
if [ -d "$root/cpu" ]; then
    group=$root/cpu$(sed -n 's/^[0-9]*:\\(.*,\\)\\{0,1\\}cpu\\(,.*\\)\\{0,1\\}://p' "$about")
    [ -d "$group" ] || group=$root/cpu
    group=$group/by-hand-$$
    mkdir "$group"
    echo "$group"
    echo 10000 > "$group/cpu.cfs_quota_us"
else
    group=$root$(sed -n 's/^0:://p' "$about")
    echo +cpu > "$group/cgroup.subtree_control"
    group=$group/by-hand-$$
    mkdir "$group"
    echo "$group"
    echo 10000 100000 > "$group/cpu.max"
fi
echo 0 > "$group/cgroup.procs"
"""


def by_hand(root: Path, about: Path) -> tuple[bool, str]:
    """Whether a shell may put itself into a group with a share of the processors, and what it made, or why not."""
    done = subprocess.run(
        ["sh", "-c", BY_HAND, "sh", str(root), str(about)], capture_output=True, text=True, check=False
    )
    for place in done.stdout.split():
        if root == quota.ROOT:
            Path(place).rmdir()
    return done.returncode == 0, done.stdout.strip() or done.stderr


@pytest.mark.parametrize(
    ("text", "parent", "names"),
    [(V1, "cpu/service", {"cpu.cfs_quota_us", "cgroup.procs"}), ("0::/\n", ".", {"cpu.max", "cgroup.procs"})],
)
def test_by_hand_it_is_tried_in_both_versions(tmp_path: Path, text: str, parent: str, names: set[str]) -> None:
    """What the next test holds ours against, where a host has the one or the other."""
    place = about(tmp_path, text)
    if text == V1:
        first_group(tmp_path)
    able, made = by_hand(tmp_path, place)
    assert (able, Path(made).parent) == (True, (tmp_path / parent).resolve())
    assert {path.name for path in Path(made).iterdir()} == names
    (tmp_path / "cgroup.subtree_control").unlink(missing_ok=True)
    (tmp_path / "cgroup.subtree_control").mkdir()
    assert by_hand(tmp_path, place)[0] == (text == V1), "a kernel that refuses is heard"


def test_this_hosts_kernel_slows_the_process_down() -> None:
    """Where a shell can put itself into such a group so can we, in both versions; elsewhere we say that we cannot."""
    able, said = by_hand(quota.ROOT, quota.ABOUT)
    done = subprocess.run([sys.executable, "-c", SPINS], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == able, f"{said}; {done.stderr}"
    if not able:
        assert done.stderr.startswith("refused: ")
        return
    *groups, place = done.stdout.split()
    assert any(line.endswith(f"/{Path(place).name}") for line in groups)
    Path(place).rmdir()
