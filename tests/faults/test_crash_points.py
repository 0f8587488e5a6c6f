"""Our own processes end at each named point, and the ones that follow bring things to the undisturbed end state."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from portal.core import crash
from tests.faults.ground import Ground
from tests.story import FLIGHT
from tests.waiting import wait_until

# Those of the sequencer are visited in tests/audit/test_sequencing.py, on a log of their own, and those of batch
# predictions in tests/pipelines/jobs/test_batch_killed.py. Only the first rollout of an endpoint can take a route away:
# tests/deployments/test_second_crashes.py.
BATCH = {name for name in crash.NAMES if name.startswith("batch.")}
ELSEWHERE = {"audit.sequenced_before_commit", "audit.sequenced_after_commit", "rollout.routes_removed", *BATCH}
FAILING = {"rollout.failed"}
EVALUATION = sorted(name for name in crash.NAMES if name.startswith("evaluation."))
DATA = sorted(name for name in crash.NAMES if name.startswith("data."))
GATE = sorted(name for name in crash.NAMES if name.startswith("gate."))
INGEST = sorted(name for name in crash.NAMES if name.startswith("ingest."))
SCAN = sorted(name for name in crash.NAMES if name.startswith("scan."))
DECIDED = "rollout.test_ended"
IN_STEPS = [
    "rollout.paused",
    "rollout.shadow_begun",
    "rollout.shadow_ended",
    "rollout.stepped",
    "rollout.test_begun",
    DECIDED,
]
ROLLOUT = sorted({name for name in crash.NAMES if name.startswith("rollout.")} - FAILING - ELSEWHERE - {*IN_STEPS})


def test_every_point_is_visited_somewhere() -> None:
    rollouts = {*ROLLOUT, *IN_STEPS, *FAILING}
    assert {*DATA, *EVALUATION, *GATE, *INGEST, *SCAN, *rollouts, *ELSEWHERE} == crash.NAMES | ELSEWHERE


def reached(ground: Ground, point: str, act: Callable[[], object]) -> None:
    """Act with a process due to end at the point; fails when none came there."""
    armed = ground.stack.crash_at(point)
    act()
    wait_until(lambda: not armed.exists(), 90, f"a process to end at {point}")


@pytest.mark.parametrize("point", INGEST)
def test_a_version_is_taken_in_once(ground: Ground, point: str) -> None:
    story = ground.story
    seen: list[int] = []
    reached(ground, point, lambda: seen.append(story.register(like=1)))
    story.validated(seen[0])
    example = story.author.get("/api/v1/models/flight-delay/versions/1/")
    assert story.author.get(f"/api/v1/models/{story.model}/versions/{seen[0]}/")["digest"] == example["digest"]
    waiting = ground.stack.var / "store" / "waiting"
    wait_until(lambda: not list(waiting.glob("ingest-*")), 60, "what the killed attempt left to be cleared away")


@pytest.mark.parametrize("point", SCAN)
def test_a_version_is_scanned_again_once(ground: Ground, point: str) -> None:
    story = ground.story
    path = f"/api/v1/models/{story.model}/versions/1/scan/"
    before = story.author.get(path)
    reached(ground, point, lambda: story.author.post(path, {}))
    wait_until(lambda: not story.author.get(path)["waits"], 60, "the scan to be recorded")
    after = story.author.get(path)
    assert (after["outcome"], after["signature"]["holds"]) == ("clean", True)
    assert len(after["history"]) == len(before["history"]) + 1


@pytest.mark.parametrize("point", DATA)
def test_data_is_taken_in_once(ground: Ground, point: str) -> None:
    story, lead = ground.story, ground.story.reviewers[0]
    name = f"{story.model}-{point}"
    lead.post("/api/v1/data-sets/", {"name": name, "team": story.author.get(f"/api/v1/models/{story.model}/")["team"]})
    lead.put(f"/api/v1/data-sets/{name}/checks/", {"checks": [{"rule": "range", "column": "x", "min": 0}]})
    folder = ground.stack.incoming / point
    folder.mkdir()
    (folder / "rows.csv").write_text("x\n1\n-1\n")
    version = f"/api/v1/data-sets/{name}/versions/1/"
    reached(ground, point, lambda: lead.post(f"/api/v1/data-sets/{name}/versions/", {"folder": str(folder)}))
    wait_until(lambda: lead.get(version)["check_runs"], 60, "the version to be ready and checked")
    found = lead.get(version)
    assert (found["status"], found["rows"], len(found["check_runs"])) == ("ready", 2, 1)
    assert found["check_runs"][0]["results"][0]["rows"] == [2]
    assert (story.kept(found["digest"]) / "rows.csv").read_text() == "x\n1\n-1\n"
    waiting = ground.stack.var / "store" / "waiting"
    wait_until(lambda: not list(waiting.glob("data-*")), 60, "what the killed attempt left to be cleared away")


@pytest.fixture(scope="module")
def measured(ground: Ground) -> dict[str, Any]:
    """What to evaluate, and the digest of doing so undisturbed."""
    story, lead = ground.story, ground.story.reviewers[0]
    name = f"{story.model}-labelled"
    lead.post("/api/v1/data-sets/", {"name": name, "team": story.author.get(f"/api/v1/models/{story.model}/")["team"]})
    folder = ground.stack.incoming / name
    folder.mkdir()
    lines = [{**FLIGHT, "hour": n % 24, "origin_delay": float(n % 50), "late": int(n % 50 > 20)} for n in range(600)]
    text = "\n".join(",".join(map(str, line.values())) for line in lines)
    (folder / "rows.csv").write_text(",".join(lines[0]) + "\n" + text + "\n")
    lead.post(f"/api/v1/data-sets/{name}/versions/", {"folder": str(folder)})
    newest = f"/api/v1/data-sets/{name}/versions/1/"
    wait_until(lambda: lead.get(newest)["status"] == "ready", 60, "the labelled data to be taken in")
    asked = {
        "model": story.model, "version": 2, "baseline": 1, "data_set": name, "data_version": 1,
        "settings": {"task": "classification", "target": "late", "resamples": 200, "load_calls": 5},
    }  # fmt: skip
    return {"asked": asked, "digest": evaluated(ground, lead.post("/api/v1/evaluations/", asked)["number"])}


def evaluated(ground: Ground, number: int) -> str:
    """The digest of an evaluation once it is done."""
    path = f"/api/v1/evaluations/{number}/"
    lead = ground.story.reviewers[0]

    def done() -> bool:
        now = lead.get(path)
        assert now["status"] in ("queued", "running", "done"), now
        return bool(now["status"] == "done")

    wait_until(done, 120, f"evaluation {number} to be done")
    return str(lead.get(path)["digest"])


@pytest.mark.parametrize("point", EVALUATION)
def test_an_evaluation_has_one_result(ground: Ground, measured: dict[str, Any], point: str) -> None:
    lead, made = ground.story.reviewers[0], []
    ask = partial(lead.post, "/api/v1/evaluations/", measured["asked"])
    reached(ground, point, lambda: made.append(ask()["number"]))
    assert evaluated(ground, made[0]) == measured["digest"]
    waiting = ground.stack.var / "store" / "waiting"
    wait_until(lambda: not list(waiting.glob("evaluation-*")), 60, "what the killed attempt left to be cleared away")


@pytest.mark.parametrize("point", ROLLOUT)
def test_a_promotion_is_carried_out_once(ground: Ground, point: str) -> None:
    version, number = ground.nearly_decided()
    reached(ground, point, lambda: ground.decide(number))
    ground.story.carried_out(number)
    ground.serves(version)
    rows = ground.story.author.every("/api/v1/rollouts/", environment="production", endpoint=ground.story.model)
    mine = [row for row in rows if row["promotion"] == number]
    assert [row["status"] for row in mine] == ["completed"]


@pytest.mark.parametrize("point", IN_STEPS)
def test_a_rollout_in_steps_is_carried_out_once(ground: Ground, point: str) -> None:
    """A shadow, half of the traffic in an A/B test, a person who promotes, then the rest."""
    story, lead = ground.story, ground.story.reviewers[0]
    version = ground.candidate()
    shadow = {"do": "shadow", "until": {"seconds": 1}}
    right = {"name": "Right", "from": "correct", "better": "higher", "smallest": 0.01}
    test = {"do": "ab_test", "until": {"seconds": 1}, "metrics": [right], "threshold": 0.5}
    steps = [shadow, {"do": "weight", "weight": 5000}, test, {"do": "switch"}]
    plan = f"{story.model}-{point.replace('.', '-')}"
    lead.post("/api/v1/plans/", {"name": plan, "body": {"steps": steps}})
    number = story.ask(version, plan=plan)
    story.approve(number, lead)
    if point == DECIDED:
        ground.decide(number)
    else:
        reached(ground, point, lambda: ground.decide(number))

    def mine() -> dict[str, Any]:
        rows = story.author.every("/api/v1/rollouts/", environment="production", endpoint=story.model)
        (row,) = [row for row in rows if row["promotion"] == number]
        return dict(row)

    wait_until(lambda: mine()["status"] == "paused", 90, "the rollout to wait for a person")
    traffic = story.author.get(story.endpoint)["traffic"]
    assert sorted(arm["share"] for arm in traffic if arm["share"]) == [5000, 5000]
    seen = mine()
    promoted = f"/api/v1/rollouts/{seen['id']}/resume/"
    there = {"expect_step": seen["step"], "expect_pause": seen["pause_code"]}
    if point == DECIDED:
        reached(ground, point, lambda: lead.post(promoted, there))
    else:
        lead.post(promoted, there)
    story.carried_out(number)
    ground.serves(version)
    assert mine()["status"] == "completed"


def test_a_version_that_cannot_be_loaded_leaves_the_champion_where_it_is(ground: Ground) -> None:
    """Its files are changed in the store after it was approved; the worker ends just as it has recorded the failure."""
    story = ground.story
    champion = story.served()
    version, kept = story.register_own()
    number = story.ask(version)
    story.approve(number, story.reviewers[0])
    note = kept / "note.txt"
    note.chmod(0o644)
    note.write_bytes(b"another one")
    reached(ground, "rollout.failed", lambda: ground.decide(number))
    wait_until(lambda: story.promotion(number)["status"] == "failed", 60, "the promotion to fail")
    ground.serves(int(champion))


def test_what_the_gate_had_begun_is_settled(ground: Ground) -> None:
    """The web process ends before it asks MLflow, and again after: both stores hold the same versions in the end."""
    story = ground.story
    armed = [ground.stack.crash_at(point) for point in GATE]
    last = story.register(like=2)
    assert not any(path.exists() for path in armed)
    ground.stack.wait_ready("web")

    def agree() -> bool:
        theirs = story.author.get("/api/2.0/mlflow/model-versions/search", filter=f"name='{story.model}'")
        ours = story.author.every(f"/api/v1/models/{story.model}/versions/")
        numbers = {int(found["version"]) for found in theirs["model_versions"]}
        return last in numbers and numbers == {row["number"] for row in ours}

    wait_until(agree, 90, "MLflow and the portal to hold the same versions")
    story.validated(last)


def test_afterwards_the_log_is_whole(ground: Ground) -> None:
    ground.log_is_whole()
