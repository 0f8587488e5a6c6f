"""The scanner on a corpus of attacks: none is called clean, nothing is ever run, and what is harmless stays so."""

import io
import os
import struct
import zipfile
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry.adapters import scanning
from registry.scanning import outcomes, packages, walk
from registry.scanning.outcomes import RULES_VERSION, Scan
from registry.scanning.parts import Budget, Part
from tests.registry.scanning import corpus

DANGEROUS = dict(corpus.dangerous())
ATTACKS = {name: (body, rule) for name, body, rule in corpus.attacks()}
HARMLESS = dict(corpus.harmless())
# Nothing known to be a weapon is in these, but code of their author is.
ONLY_UNKNOWN = {
    "some_package.of_its_author.Loader.pkl",
    "torch.utils.collect_env.run.pkl",
    "torch.jit.unsupported_tensor_ops.execWrapper.pkl",
    "functools.partial.pkl",
    "sklearn.utils._testing.run_python_script_in_subprocess.pkl",
    "numpy.f2py.crackfortran.myeval.pkl",
    "number.pkl",
    "own_class.skops",
    "loader.py",
    "script",
    "library.so",
    "deep.zip",
}


def looked(tmp_path: Path, files: dict[str, bytes], budget: Budget | None = None) -> Scan:
    folder, scratch = tmp_path / "version", tmp_path / "scratch"
    folder.mkdir()
    scratch.mkdir()
    for name, body in files.items():
        (folder / name).write_bytes(body)
    found = walk.scan(folder, scratch, budget)
    assert not list(scratch.iterdir()), "the scanner left something behind"
    return found


def test_the_corpus_is_as_large_as_it_was() -> None:
    assert len(DANGEROUS) >= 70


@pytest.mark.parametrize("name", DANGEROUS)
def test_nothing_that_runs_code_is_called_clean(tmp_path: Path, name: str) -> None:
    found = looked(tmp_path, {name: DANGEROUS[name]})
    assert found.outcome == ("unknown" if name in ONLY_UNKNOWN else "dangerous"), found.findings
    assert found.findings


@pytest.mark.parametrize("name", ATTACKS)
def test_archives_that_attack_whoever_unpacks_them_are_named(tmp_path: Path, name: str) -> None:
    body, rule = ATTACKS[name]
    found = looked(tmp_path, {name: body})
    assert found.outcome == "dangerous"
    assert rule in {one.rule for one in found.findings}, found.findings


@pytest.mark.parametrize("name", HARMLESS)
def test_what_holds_only_data_is_clean(tmp_path: Path, name: str) -> None:
    found = looked(tmp_path, {name: HARMLESS[name]})
    assert (found.outcome, found.findings) == ("clean", [])


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("weights.h5", b"\x89HDF\r\n\x1a\n" + bytes(100)),
        ("model.gguf", b"GGUF" + bytes(range(100))),
        ("joblib.lz4", b"\x04\x22\x4d\x18" + bytes(range(200))),
        ("whatever", bytes(range(256))),
    ],
)
def test_what_nobody_reads_is_not_scanned(tmp_path: Path, name: str, body: bytes) -> None:
    found = looked(tmp_path, {name: body})
    assert (found.outcome, found.findings[0].rule) == ("not_scanned", "format.unread")


def test_what_joblib_writes_is_not_followed_past_its_arrays(tmp_path: Path) -> None:
    """Raw arrays stand between its instructions, so it stays unknown; it is code to whoever has to admit it."""
    raw = io.BytesIO()
    import_module("joblib").dump({"w": np.arange(100.0)}, raw)
    found = looked(tmp_path, {"model.joblib": raw.getvalue()})
    assert found.outcome == "unknown"
    assert {one.of.kind for one in found.findings} == {"code"}


def test_no_file_is_not_scanned(tmp_path: Path) -> None:
    assert looked(tmp_path, {}).outcome == "not_scanned"


def test_the_worst_file_decides(tmp_path: Path) -> None:
    found = looked(tmp_path, {"a.pkl": corpus.CLEAN, "b": bytes(range(256)), "c.pkl": corpus.gadget()})
    assert [(one.path, one.outcome) for one in found.files] == [
        ("a.pkl", "clean"),
        ("b", "not_scanned"),
        ("c.pkl", "dangerous"),
    ]
    assert found.outcome == "dangerous"


SAFETENSORS = HARMLESS["model.safetensors"]
TWICE = b'{"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}}'


@pytest.mark.parametrize(
    "body",
    [
        SAFETENSORS + b"x",
        SAFETENSORS[:-1],
        SAFETENSORS.replace(b"[0, 8]", b"[4, 8]"),
        SAFETENSORS.replace(b'"F32"', b'"F64"'),
        struct.pack("<Q", 2**40) + SAFETENSORS[8:],
        SAFETENSORS.replace(b'"shape"', b'"shave"'),
        struct.pack("<Q", len(TWICE)) + TWICE + bytes(8),
    ],
    ids=["trailing", "short", "overlap", "width", "giant header", "unknown key", "the same bytes"],
)
def test_a_header_of_tensors_accounts_for_every_byte(tmp_path: Path, body: bytes) -> None:
    assert looked(tmp_path, {"model.safetensors": body}).outcome == "dangerous"


def test_a_file_behind_a_link_is_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(corpus.CLEAN)
    folder = tmp_path / "version"
    folder.mkdir()
    (folder / "model.pkl").symlink_to(secret)
    (folder / "more").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe")
    found = walk.scan(folder, tmp_path)
    assert {one.rule for one in found.findings} == {"archive.link"}
    assert found.outcome == "dangerous"


def test_very_many_members_end_the_look(tmp_path: Path) -> None:
    body = corpus.zipped({f"{n}": b"" for n in range(300)})
    found = looked(tmp_path, {"many.zip": body}, Budget(members=200))
    assert (found.outcome, found.findings[0].rule) == ("unknown", "archive.limit")


def test_very_many_findings_do_not_hide_the_worst(tmp_path: Path) -> None:
    members = {f"{n}.dat": corpus.gadget("of_its_author", f"Thing{n}") for n in range(250)}
    found = looked(tmp_path, {"many.zip": corpus.zipped({**members, "z": corpus.gadget()})})
    assert found.outcome == "dangerous"


def test_nothing_runs_when_it_is_scanned(tmp_path: Path) -> None:
    """The whole corpus once, in the sandbox, with a payload that would leave a canary."""
    tmp_path.chmod(0o755)
    canary, folder = tmp_path / "canary", tmp_path / "version"
    folder.mkdir()
    for name, body in DANGEROUS.items():
        (folder / name).write_bytes(body)
    (folder / "canary.pkl").write_bytes(corpus.gadget("os", "system", f"touch {canary}"))
    found = scanning.scan(folder, tmp_path / "scratch")
    assert not canary.exists()
    assert found["outcome"] == "dangerous"
    assert len(found["files"]) == len(DANGEROUS) + 1
    assert {"network", "uid"} & set(found["layers"])
    assert not any(one["outcome"] == "clean" for one in found["files"])


def test_a_scanner_that_takes_too_long_or_ends_is_unknown(tmp_path: Path) -> None:
    folder = tmp_path / "version"
    folder.mkdir()
    (folder / "a").write_bytes(b"x")
    slow = scanning.scan(folder, tmp_path / "scratch", seconds=0)
    assert (slow["outcome"], slow["findings"][0]["rule"]) == ("unknown", "scan.failed")
    gone = scanning.scan(tmp_path / "nothing", tmp_path / "scratch")
    assert (gone["outcome"], gone["rules"]) == ("not_scanned", RULES_VERSION)


@given(cut=st.integers(0, 400), flip=st.integers(0, 400), to=st.integers(0, 255))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_damage_makes_a_weapon_clean(tmp_path_factory: pytest.TempPathFactory, cut: int, flip: int, to: int) -> None:
    """Any byte of a torch zip with a weapon in it changed, or its end cut off: never clean while an import stands."""
    body = bytearray(corpus.torch_zip(corpus.gadget()))
    body[flip % len(body)] = to
    raw = bytes(body[: len(body) - cut % 40])
    found = looked(tmp_path_factory.mktemp("damaged"), {"model.pt": raw})
    if corpus.gadget() in raw:
        assert found.outcome != "clean"


def test_a_list_of_requirements_is_read_as_text(tmp_path: Path) -> None:
    text = b"numpy==2.4.6 # pinned\nScikit_Learn[all]>=1.2\n-e git+https://example.org/x\n--index-url=http://x\n; rm\n"
    path = tmp_path / "requirements.txt"
    path.write_bytes(text)
    with path.open("rb") as file:
        found = packages.read(Part("requirements.txt", file.fileno(), 0, len(text)))
    assert found == [
        {"name": "numpy", "version": "2.4.6", "wanted": "==2.4.6", "source": "requirements.txt"},
        {"name": "scikit-learn", "version": "", "wanted": ">=1.2", "source": "requirements.txt"},
    ]
    scanned = walk.scan(tmp_path, tmp_path)
    assert scanned.outcome == "clean"
    assert [one.severity for one in scanned.findings] == ["medium", "medium"]


def test_every_rule_says_what_it_makes_of_a_file() -> None:
    for code, rule in outcomes.RULES.items():
        assert rule.outcome in outcomes.ORDER
        assert "." in code


def test_a_stored_zip_can_be_read_by_python_too() -> None:
    """The corpus is what it says: the archives are well formed where they should be."""
    assert zipfile.ZipFile(io.BytesIO(corpus.torch_zip(corpus.CLEAN))).testzip() is None
