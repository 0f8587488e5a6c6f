"""From a folder in the store to a warm process, and everything that must not get there."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from serving import digests
from tests.serving.plane import Plane
from tests.serving.zoo import Stored, Zoo, body
from tests.waiting import wait_until


def test_a_revision_becomes_ready_and_says_what_protects_it(plane: Plane, endpoint: str, models: Zoo) -> None:
    found = plane.load(endpoint, models.double.spec(endpoint))
    assert (found["state"], found["digest"], found["warmed"]) == ("ready", models.double.digest, "input example")
    assert found["worker"]["example"]["dataframe_split"]["columns"] == ["x"]
    assert {"limits", "no_new_privs"} <= set(found["layers"])
    assert set(found["layers"]) | set(found["layers_missing"]) == {
        *("uid", "network", "mounts", "limits", "no_new_privs", "landlock")
    }


def test_the_same_again_is_nothing_and_another_spec_is_refused(plane: Plane, endpoint: str, models: Zoo) -> None:
    spec = models.double.spec(endpoint)
    pid = plane.load(endpoint, spec)["pid"]
    assert plane.put(endpoint, spec).status_code == 202
    assert plane.revision(endpoint)["pid"] == pid
    other = plane.put(endpoint, models.triple.spec(endpoint))
    assert (other.status_code, other.json()["code"]) == (409, "other_spec")
    assert plane.revision(endpoint)["digest"] == models.double.digest


def test_a_removed_revision_leaves_neither_process_nor_copy(plane: Plane, endpoint: str, models: Zoo) -> None:
    places = plane.settings.places
    pid = plane.load(endpoint, models.double.spec(endpoint))["pid"]
    plane.route(endpoint, 1, endpoint)
    routed = plane.agent.delete(f"/revisions/{endpoint}")
    assert (routed.status_code, routed.json()["code"]) == (409, "revision_routed")
    plane.agent.delete(f"/routes/production/{endpoint}")
    assert plane.agent.delete(f"/revisions/{endpoint}").status_code in (202, 204)
    wait_until(lambda: plane.agent.get(f"/revisions/{endpoint}").status_code == 404, 10, "the revision to go")
    assert not Path(f"/proc/{pid}").exists()
    assert not (places.copies / endpoint).exists()
    assert not (places.launches / f"{endpoint}.json").exists()
    assert plane.agent.delete(f"/revisions/{endpoint}").status_code == 404


def test_the_copy_is_private_and_read_only(plane: Plane, endpoint: str, models: Zoo) -> None:
    plane.load(endpoint, models.double.spec(endpoint))
    copy = plane.settings.places.copies / endpoint
    modes = {path.stat().st_mode & 0o777 for path in (copy, *copy.rglob("*"))}
    assert not any(mode & 0o227 for mode in modes), [oct(mode) for mode in modes]
    assert digests.hash_tree(copy).digest == models.double.digest


def failed(plane: Plane, endpoint: str, spec: dict[str, Any]) -> str:
    """The code a start failed with; nothing of it may be left."""
    assert plane.put(endpoint, spec).status_code == 202
    found = plane.settled(endpoint)
    assert found["state"] == "failed", found
    assert found["reason"].startswith(f"{found['code']}: ")
    places = plane.settings.places
    wait_until(lambda: not (places.copies / endpoint).exists(), 5, "the copy to be gone")
    assert not (places.copies / f".{endpoint}.partial").exists()
    assert plane.route(endpoint, 1, endpoint).status_code == 409
    return str(found["code"])


BAD = [
    ("raises", {}, "load_failed"),
    ("exits", {}, "exited"),
    ("hangs", {"start_seconds": 2}, "load_timeout"),
    ("double", {"files": 2}, "too_many_files"),
    ("double", {"copy_bytes": 100}, "too_large"),
]


@pytest.mark.parametrize(("name", "limits", "code"), BAD, ids=[f"{b[0]}-{b[2]}" for b in BAD])
def test_a_bad_version_fails_with_its_reason(
    plane: Plane, endpoint: str, models: Zoo, name: str, limits: dict[str, int], code: str
) -> None:
    assert failed(plane, endpoint, models.versions[name].spec(endpoint, limits=limits)) == code


def test_a_bad_version_disturbs_nobody(plane: Plane, endpoint: str, models: Zoo) -> None:
    good, bad = f"{endpoint}-1", f"{endpoint}-2"
    plane.load(good, models.double.spec(endpoint, 1))
    plane.route(endpoint, 1, good)
    plane.put(bad, models.raises.spec(endpoint, 2))
    assert plane.settled(bad)["state"] == "failed"
    assert "broken weights" in plane.revision(bad)["reason"]
    assert plane.route(endpoint, 2, bad).status_code == 409
    assert plane.ask(endpoint, body({"x": 1.0})).headers["x-served-version"] == "1"


def test_files_other_than_the_approved_ones_are_never_loaded(plane: Plane, endpoint: str, models: Zoo) -> None:
    spec = {**models.double.spec(endpoint), "digest": models.triple.digest}
    assert failed(plane, endpoint, spec) == "digest_mismatch"


@pytest.fixture
def altered(models: Zoo) -> Any:
    """A copy of a good version in the store that a test may spoil; the digest is that of the good one."""
    folder = models.store / "altered"
    shutil.copytree(models.double.source, folder)
    yield Stored(str(folder), models.double.digest)
    shutil.rmtree(folder)


def test_a_changed_byte_is_found(plane: Plane, endpoint: str, altered: Stored) -> None:
    with (Path(altered.source) / "MLmodel").open("a") as file:
        file.write(" ")
    assert failed(plane, endpoint, altered.spec(endpoint)) == "digest_mismatch"


def test_a_link_or_a_pipe_is_refused(plane: Plane, endpoint: str, altered: Stored, models: Zoo) -> None:
    extra = Path(altered.source) / "extra"
    extra.symlink_to(models.root / "outside")
    assert failed(plane, endpoint, altered.spec(endpoint)) == "link"
    extra.unlink()
    os.mkfifo(extra)
    assert failed(plane, f"{endpoint}-pipe", altered.spec(endpoint)) == "special_file"


def test_a_source_outside_the_store_is_refused(plane: Plane, endpoint: str, models: Zoo) -> None:
    sources = [
        str(models.root),
        "/etc",
        f"{models.store}/../store/{Path(models.double.source).relative_to(models.store)}",
        "../outside",
        f"{models.store}",
    ]
    codes = [
        failed(plane, f"{endpoint}-{number}", {**models.double.spec(endpoint), "source": source})
        for number, source in enumerate(sources)
    ]
    assert codes == ["source_outside_store"] * len(sources)


def test_a_source_through_a_link_is_refused(plane: Plane, endpoint: str, models: Zoo) -> None:
    door = models.store / "door"
    door.symlink_to(models.root / "store")
    try:
        inside = Path(models.double.source).relative_to(models.store)
        spec = {**models.double.spec(endpoint), "source": str(door / inside)}
        assert failed(plane, endpoint, spec) == "source_unreadable"
    finally:
        door.unlink()


BAD_SPECS = [
    ({"digest": "sha256:12"}, "digest"),
    ({"version": "1"}, "version"),
    ({"version": True}, "version"),
    ({"environment": "a b"}, "environment"),
    ({"source": ""}, "source"),
    ({"source": "a\nb"}, "source"),
    ({"limits": {"rows": 0}}, "limits.rows"),
    ({"limits": {"colour": 1}}, "colour"),
    ({"status": "ready"}, "status"),
]


@pytest.mark.parametrize(("change", "field"), BAD_SPECS, ids=[str(b[0]) for b in BAD_SPECS])
def test_a_bad_spec_is_refused_by_name(plane: Plane, models: Zoo, change: dict[str, Any], field: str) -> None:
    answer = plane.put("any", {**models.double.spec("any"), **change})
    assert (answer.status_code, answer.json()["field"]) == (422, field)


def test_an_id_that_is_a_path_is_refused(plane: Plane, models: Zoo) -> None:
    for name in ("%2e%2e", ".hidden", "a%20b", "x" * 65):
        assert plane.put(name, models.double.spec("any")).status_code in (404, 422)


def test_a_model_that_raises_answers_500_and_goes_on(plane: Plane, endpoint: str, models: Zoo) -> None:
    plane.load(endpoint, models.breaks.spec(endpoint))
    plane.route(endpoint, 1, endpoint)
    answers = [plane.ask(endpoint, body({"x": 1.0})) for _ in range(2)]
    assert [(a.status_code, a.json()["code"]) for a in answers] == [(500, "model_failed")] * 2
    assert "gone" not in answers[0].text, "what the model raised stays in the log"


def test_a_slow_answer_is_given_up_at_the_deadline(plane: Plane, endpoint: str, models: Zoo) -> None:
    plane.load(endpoint, models.slow.spec(endpoint, limits={"deadline_ms": 300}))
    plane.route(endpoint, 1, endpoint)
    assert plane.ask(endpoint, body({"x": 0.0})).status_code == 200
    late = plane.ask(endpoint, body({"x": 0.6}))
    assert (late.status_code, late.json()["code"]) == (504, "deadline_exceeded")
    wait_until(lambda: plane.ask(endpoint, body({"x": 0.0})).status_code == 200, 5, "the next answer")
    shorter = plane.ask(endpoint, body({"x": 0.2}), **{"x-deadline-ms": "50"})
    assert "50 ms" in shorter.json()["detail"]


def test_a_deadline_that_says_no_time_is_refused_with_what_to_send(plane: Plane, endpoint: str, models: Zoo) -> None:
    plane.load(endpoint, models.double.spec(endpoint))
    plane.route(endpoint, 1, endpoint)
    for odd in ("abc", "-1", "0", "1e3", "1.5", "86400001", "9" * 30, ""):
        answer = plane.ask(endpoint, body({"x": 1.0}), **{"x-deadline-ms": odd})
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_deadline"), odd
        assert "x-deadline-ms must be a whole number of milliseconds from 1 to" in answer.json()["detail"]
    for whole in ("2000", "0002000", "86400000"):
        assert plane.ask(endpoint, body({"x": 1.0}), **{"x-deadline-ms": whole}).status_code == 200, whole


def test_parameters_reach_the_model(plane: Plane, endpoint: str, models: Zoo) -> None:
    plane.load(endpoint, models.times.spec(endpoint))
    plane.route(endpoint, 1, endpoint)
    assert plane.ask(endpoint, body({"x": 2.0})).json()["predictions"] == [2.0]
    asked = {**body({"x": 2.0}), "params": {"times": 5}}
    assert plane.ask(endpoint, asked).json()["predictions"] == [10.0]
    wrong = plane.ask(endpoint, {**body({"x": 2.0}), "params": {"times": "5"}})
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (400, "times")


def test_every_prediction_is_in_the_spool(plane: Plane, endpoint: str, models: Zoo) -> None:
    from serving import spool

    plane.load(endpoint, models.double.spec(endpoint, 4))
    plane.route(endpoint, 9, endpoint)
    answers = [plane.ask(endpoint, body({"x": float(n)}), **{"x-unit-id": f"u{n}"}) for n in range(20)]
    plane.ask(endpoint, body({"y": 1.0}))
    folder = plane.settings.places.spool / endpoint
    wait_until(lambda: len(spool.read(folder).records) == 20, 5, "twenty records")
    records = spool.read(folder).records
    assert [r["prediction_id"] for r in records] == [a.headers["x-prediction-id"] for a in answers]
    third = records[3]
    assert third["inputs"] == {"columns": {"x": [3.0]}}
    assert third["answer"] == pytest.approx([6.0])
    named = ("endpoint", "version", "revision", "arm", "generation", "status", "rows", "revision_id")
    assert [third[name] for name in named] == [endpoint, 4, 4, "stable", 9, 200, 1, endpoint]
    assert third["time"].endswith("Z")
    assert third["latency_ms"] > 0
    assert third["unit"] not in (None, "u3")
    wait_until(lambda: plane.revision(endpoint)["worker"]["spool"]["written"] == 20, 5, "the counters")
