"""`docs/rollouts.md` lists what is refused of a plan: each sentence the code has, at each place it is said of."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest

from deployments.engine import plans
from deployments.engine.plans import PlanRefused
from deployments.services.plans import NAME, OWN, checked
from portal.core.errors import BadInput

PROJECT = Path(__file__).resolve().parents[2]
ENGINE = PROJECT / "deployments/engine"
SPOKEN = re.compile(r"(must|may|is|comes|waits|would) ")

HALF, SWITCH = {"do": "weight", "weight": 5000}, {"do": "switch"}
GUARD = {"measure": "errors", "limit": 0.01, "alpha": 0.01, "fewest": 100}
METRIC = {"name": "Right", "from": "correct", "better": "higher", "smallest": 0.01}
JUDGE = {"do": "analyse", "guards": [GUARD]}
TEST = {"do": "ab_test", "until": {"units": 200}, "metrics": [METRIC]}
LABELS = {"do": "pause", "until": {"labels": 50}}
SHADOW = {"do": "shadow", "until": {"predictions": 5}}
GREEDY = {**JUDGE, "guards": [{**GUARD, "alpha": 0.2}]}


def pause(**until: Any) -> dict[str, Any]:
    return {"do": "pause", "until": until}


def metric(**changes: Any) -> dict[str, Any]:
    return {**TEST, "metrics": [{**METRIC, **changes}]}


def guard(**changes: Any) -> dict[str, Any]:
    return {**JUDGE, "guards": [{**GUARD, **changes}]}


WRONG: list[Any] = [
    [], [HALF], [SHADOW, SHADOW, SWITCH], ["switch"], [SWITCH, HALF], [{"do": "hold", "seconds": 5}, SWITCH],
    [{"do": "weight", "weight": 1}, GREEDY, HALF, GREEDY, {"do": "weight", "weight": 6000}, GREEDY, SWITCH],
    [HALF, SHADOW, SWITCH], [{"do": "weight", "weight": 10_000}, JUDGE, SWITCH], [pause(requests=5), SWITCH],
    [{"do": "weight", "weight": 10_000}, pause(requests=5), SWITCH],
    [{"do": "weight", "weight": 10_000}, LABELS, SWITCH], [{"do": "weight", "weight": 1}, LABELS, SWITCH],
    [HALF, HALF, SWITCH], [{"do": "weight", "weight": 500}, {**TEST, "until": {"units": 10_001}}, SWITCH],
    [{"do": "weight", "weight": 9500}, metric(fewest=10_001), SWITCH],
    # Each of these is wrong by itself, whatever stands beside it.
    [{"do": "mirror"}, {"do": "switch", "more": 1}, guard(more=1), metric(more=1),
     {"do": "weight", "weight": 0}, {"do": "hold", "seconds": 0}, pause(seconds=0), pause(requests=0),
     pause(labels=0), {**SHADOW, "until": {"predictions": 0}}, {**TEST, "until": {"units": 0}}, {**JUDGE, "give_up": 1},
     {**SHADOW, "share": 0, "per_second": 0}, guard(fewest=1), metric(fewest=1), guard(limit=5), guard(alpha=5),
     metric(alpha=5), metric(smallest=0), metric(limit=0), pause(days=1), {**SHADOW, "until": {}},
     {**TEST, "until": {}},
     pause(person=False), {**pause(person=True), "give_up": 60}, {**SHADOW, "until": {"seconds": 5}, "give_up": 60},
     {**TEST, "until": {"seconds": 5}, "give_up": 60}, {**JUDGE, "guards": []}, {**JUDGE, "guards": [GUARD, GUARD]},
     guard(measure="love"), {**SHADOW, "threshold": "half"}],
    [guard(alpha=1e-9), metric(alpha=1e-9), {**TEST, "threshold": "half"},
     {**SHADOW, "segments": 5}, {**SHADOW, "costs": []}, {**SHADOW, "costs": {"0": 1}},
     {**SHADOW, "costs": {"0 → 1": "dear"}},
     {**TEST, "decide": "dice"}, {**TEST, "metrics": []}, {**TEST, "metrics": [METRIC, METRIC]},
     {**TEST, "metrics": ["right"]}, metric(name=""), metric(**{"from": "love"}), metric(better="more"),
     {**TEST, "decide": "limits"}],
]  # fmt: skip


def listed() -> list[tuple[str, str]]:
    """Each place of the table with what is said of it."""
    below = (PROJECT / "docs/rollouts.md").read_text().split("\n## What is refused\n")[1].split("\n## ")[0]
    table = below.split("| Where | What is said |\n|---|---|\n")[1].split("\n\n")[0].splitlines()
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in table]
    return [(place.strip("`"), said) for places, said in rows for place in places.split(", ")]


def place_of(pattern: str) -> str:
    return re.escape(pattern).replace("N", r"\d+").replace("M", r"\d+").replace("…", "[a-z_]+")


def said_of(pattern: str) -> str:
    return re.escape(pattern).replace("…", ".+")


def fits(place: str, said: str, row: tuple[str, str]) -> bool:
    return bool(re.fullmatch(place_of(row[0]), place) and re.fullmatch(said_of(row[1]), said))


def refused() -> set[tuple[str, str]]:
    """All that is said of the wrong plans above, by its place."""
    found: set[tuple[str, str]] = set()
    for body in ({"steps": {}}, *({"steps": steps} for steps in WRONG)):
        try:
            plans.parse(body)
        except PlanRefused as refusal:
            found |= set(refusal.fields.items())
            continue
        raise AssertionError(f"{body} is not refused")
    return found


def written() -> set[str]:
    """Every sentence that the engine writes out, with what is put in as `…`."""
    found = set()
    for name in ("plans", "ab_step", "shadow_step"):
        tree = ast.parse((ENGINE / f"{name}.py").read_text())
        parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant | ast.JoinedStr) and id(node) not in parts:
                pieces = node.values if isinstance(node, ast.JoinedStr) else [node]
                found.add("".join(str(one.value) if isinstance(one, ast.Constant) else "…" for one in pieces))
    return {text for text in found if SPOKEN.match(text)}


def test_every_sentence_of_the_code_is_in_the_table_and_no_other() -> None:
    assert {said.replace("0 → 1", "0…1") for _, said in listed()} == written() | {NAME, OWN}
    assert len(written()) > 30


def test_every_place_of_the_table_is_refused_with_its_sentence_and_no_other() -> None:
    rows, found = listed(), refused()
    assert [one for one in sorted(found) if not any(fits(*one, row) for row in rows)] == []
    never = [row for row in rows if row[0] != "name" and not any(fits(*one, row) for one in found)]
    assert never == []


def test_a_wrong_name_is_said_with_the_rest() -> None:
    with pytest.raises(BadInput) as refusal:
        checked({"steps": []}, "Not A Name")
    assert ("name", refusal.value.fields["name"]) in listed()
    assert set(refusal.value.fields) == {"name", "steps"}


@pytest.mark.parametrize("at", [500, 9500])
def test_a_test_can_wait_for_no_more_units_than_are_kept_at_its_weight(at: int) -> None:
    def steps(**changes: Any) -> dict[str, Any]:
        return {"steps": [{"do": "weight", "weight": at}, {**TEST, **changes}, SWITCH]}

    plans.parse(steps(until={"units": 10_000}, metrics=[{**METRIC, "fewest": 10_000}]))
    for wrong in ({"until": {"units": 10_001}}, {"until": {"seconds": 60}, "metrics": [{**METRIC, "fewest": 10_001}]}):
        with pytest.raises(PlanRefused) as refusal:
            plans.parse(steps(**wrong))
        said = f"waits for more units of each version than are kept at {at / 100:g} %: 10,000 at most"
        assert refusal.value.fields == {"steps.1": said}
    assert plans.parse(steps(until={"units": 10_001}), stored=True), "what is stored is still read"
