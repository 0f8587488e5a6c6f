"""The benchmarks say what they measure and measure it; how fast anything is, is not asserted here."""

import json
import re
from contextlib import closing
from pathlib import Path

import pytest

from bench import catalogue, circumstances, measure, mlserver, overload, results
from bench.__main__ import main
from bench.ground import Portal
from bench.measure import Effort, Estimate
from bench.open_loop import Heard
from bench.results import Row
from bench.wire import Line, UnexpectedAnswerError
from tests.stack import Stack

TINY = Effort(rounds=2, calls=2, seconds=0.2, steered=2)
FIGURE = Estimate(2.0, 1.5, 2.5)
NOWHERE = Portal({}, {})
LOCK = Path(__file__).parents[2] / "requirements.txt"


def test_a_median_lies_in_its_interval_which_more_samples_narrow() -> None:
    few, many = measure.estimate([1, 2, 3, 4, 50]), measure.estimate([1, 2, 3, 4, 50] * 40)
    assert few.value == many.value == 3
    assert few.low <= few.value <= few.high
    assert many.high - many.low < few.high - few.low


def test_sides_are_asked_in_turn_after_a_warm_up() -> None:
    asked: list[str] = []
    found = measure.interleaved({"a": lambda: asked.append("a"), "b": lambda: asked.append("b")}, TINY)
    assert "".join(asked) == "aabb" + "aabb" * TINY.rounds
    assert {side: len(times) for side, times in found.items()} == {"a": 4, "b": 4}


@pytest.mark.parametrize(("better", "ratio"), [("less", 1.5), ("more", 1 / 1.5)])
def test_a_ratio_above_one_is_ours(better: results.Better, ratio: float) -> None:
    row = Row("x", Estimate(2, 2, 2), Estimate(3, 3, 3), "ms", better)
    assert row.ratio == pytest.approx(ratio)


def test_without_a_rival_there_is_no_ratio() -> None:
    row = Row("x", FIGURE, None, "s").as_json()
    assert row["theirs"] is None
    assert row["ratio"] is None


def test_results_of_another_day_stay_beside_new_ones(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    results.write([Row("kept", FIGURE, None, "s"), Row("again", FIGURE, None, "s")], {"date": "monday"}, file)
    results.write([Row("again", FIGURE, FIGURE, "s")], {"date": "tuesday"}, file)
    rows = {row["name"]: row for row in json.loads(file.read_text())}
    assert {name: row["date"] for name, row in rows.items()} == {"kept": "monday", "again": "tuesday"}
    assert rows["again"]["ratio"] == 1.0


def test_every_benchmark_is_listed_with_its_claim(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(catalogue.NAMES)
    assert all(len(line.split()) > 3 for line in lines)


def test_a_name_that_is_none_is_refused_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["gaet"])
    assert "there is no benchmark gaet" in capsys.readouterr().err


def test_the_router_is_measured_on_a_running_portal(stack: Stack, tmp_path: Path) -> None:
    [router] = catalogue.chosen(["router"])
    rows = list(router.measure(Portal(stack.env, stack.facts), TINY))
    file = tmp_path / "results.json"
    results.write(rows, circumstances.now(), file)
    written = json.loads(file.read_text())
    assert [row["name"] for row in written] == ["router.time", "router.rate"]
    for row in written:
        assert {"name", "ours", "theirs", "unit", "ratio", "date", "machine", "versions"} <= row.keys()
        assert row["ours"] > 0
        assert row["theirs"] > 0
        assert row["ours_interval"][0] <= row["ours"] <= row["ours_interval"][1]
    assert all(row.name in results.table(rows) for row in rows)


def test_hedging_is_measured_beside_waiting_and_leaves_nothing_behind(stack: Stack) -> None:
    portal = Portal(stack.env, stack.facts)
    [hedging] = catalogue.chosen(["hedging"])
    found = {row.name: row.theirs for row in hedging.measure(portal, TINY)}
    assert list(found) == ["hedging.p50", "hedging.p99", "hedging.p99.9", "hedging.price"]
    assert all(found.values())
    with closing(Line(portal.run / "agent.sock")) as agent:
        left = agent.get("/revisions").json()["revisions"]
    assert not [row for row in left if row["environment"] == "bench" and row["state"] != "absent"]


def test_what_is_asked_beyond_the_peak_is_answered_or_refused_with_words(stack: Stack) -> None:
    row, *refused = overload.measure(Portal(stack.env, stack.facts), TINY)
    assert row.theirs
    assert row.theirs.value > 0
    assert re.search(r"of \d+ rows a question; \d\.\d times as many questions: \d+% refused with retry-after", row.note)
    assert refused or " 0% refused" in row.note
    assert all(re.search(r"of [\d,]+ refusals; [\d.]+% within 200 ms", one.note) for one in refused)


@pytest.mark.parametrize(
    ("code", "headers", "fine"),
    [(200, {}, True), (504, {}, True), (503, {"retry-after": "1"}, True), (429, {"retry-after": "2"}, True),
     (503, {}, False), (500, {"retry-after": "1"}, False)],
)  # fmt: skip
def test_a_refusal_counts_only_when_it_says_when_to_come_again(code: int, headers: dict[str, str], fine: bool) -> None:
    answer = Heard(0.0, 0.1, code, headers, b"")
    if fine:
        assert overload._code(answer) == code
        return
    with pytest.raises(UnexpectedAnswerError):
        overload._code(answer)


def test_the_fast_path_is_measured_beside_the_data_frame() -> None:
    catalogue.chosen([])
    one = catalogue.KNOWN["arrays"]
    assert not one.portal
    assert {row.name: row.theirs is not None for row in one.measure(NOWHERE, TINY)} == {
        "arrays.1_row": True,
        "arrays.100_rows": True,
    }


def test_mlserver_has_our_versions_of_what_asks_the_model() -> None:
    theirs, ours = (dict(re.findall(r"^(\S+)==(\S+)", file.read_text(), re.M)) for file in (mlserver.LOCK, LOCK))
    for name in ("mlflow", "numpy", "pandas", "scikit-learn", "scipy", "skops"):
        assert theirs[name] == ours[name], f"{name}: change bench/mlserver.in, then make lock"


def test_mlserver_is_left_out_where_it_cannot_be_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = tmp_path / "mlserver.txt"
    lock.write_text("no such line\n")
    monkeypatch.setattr(mlserver, "LOCK", lock)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for _ in range(2):  # what failed half-way is no environment
        with pytest.raises(mlserver.NoMLServerError, match="pip sync failed"):
            mlserver.environment()


def test_an_evaluation_is_measured_beside_the_loop() -> None:
    catalogue.chosen([])
    found = {row.name: row for row in catalogue.KNOWN["evaluation"].measure(NOWHERE, Effort(evaluated=2_000))}
    assert found["evaluation.seconds"].ratio is not None
    assert found["evaluation.memory"].ours.value > 10


def test_a_whole_evaluation_is_measured_without_a_portal() -> None:
    catalogue.chosen([])
    one = catalogue.KNOWN["evaluations"]
    assert not one.portal
    found = {row.name: row for row in one.measure(NOWHERE, Effort(evaluated=3_000))}
    assert found["evaluations.0.003M.seconds"].ratio is not None
    assert found["evaluations.0.003M.memory"].ours.value > 50
    assert found["evaluations.0.003M.take_in.seconds"].theirs is None
