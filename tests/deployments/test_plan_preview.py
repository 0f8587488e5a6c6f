"""The time a plan takes, and its steps as fields: pure."""

from typing import Any

import pytest

from deployments.engine import editor, plans, preview, ready_made, wording
from deployments.engine.preview import Line, Preview

HOUR = 3600
JUDGE = {
    "do": "analyse",
    "guards": [{"measure": "errors", "limit": 0.01, "alpha": 0.01, "fewest": 600}],
    "give_up": 600,
}
STEPS: list[dict[str, Any]] = [
    {"do": "shadow", "until": {"predictions": 300}, "per_second": 2, "give_up": HOUR},
    {"do": "pause", "until": {"person": True}},
    {"do": "weight", "weight": 1000},
    {"do": "pause", "until": {"requests": 60}, "give_up": 900},
    {"do": "weight", "weight": 5000},
    JUDGE,
    {"do": "switch"},
    {"do": "hold", "seconds": 120},
]


def of(rate: float | None, lives: dict[str, int] | None = None) -> Preview:
    return preview.of(plans.parse({"steps": STEPS}), rate, lives or {})


def times(found: Preview) -> list[str]:
    return [line.time for line in found.lines]


def test_each_step_says_its_time_at_the_traffic_and_its_worst_case() -> None:
    assert times(of(10.0)) == [
        "about 10 s", "at once", "about 2.5 min, 1 h at most", "until somebody says to go on", "at once",
        "about 1 min, 15 min at most", "at once", "about 2 min, 10 min at most", "at once", "2 min",
    ]  # fmt: skip
    assert not of(10.0).warnings


def test_the_whole_is_the_sum_of_the_steps_with_give_ups_as_the_worst_case() -> None:
    found = of(10.0)
    assert found.whole.least == sum(line.least for line in found.lines) == wording.SETTLING + 150 + 60 + 120 + 120
    assert found.whole.most == sum(line.most for line in found.lines) == wording.SETTLING + HOUR + 900 + 600 + 120
    assert found.whole.words.endswith("and waits for a person once")


def test_without_any_traffic_each_step_that_counts_says_that_it_would_give_up() -> None:
    found = of(0.0)
    assert found.warnings == [
        f"No traffic at all: this step would wait until it gives up after {patience}, and then ask a person."
        for patience in ("1 h", "15 min", "10 min")
    ]
    assert found.whole.least == found.whole.most


def test_too_little_traffic_says_how_long_it_would_need() -> None:
    line = of(0.5).lines[7]
    assert line.time == "10 min at most"
    assert line.warning == (
        "600 requests take about 40 min at this traffic: this step would give up after 10 min and ask a person."
    )


def test_where_nobody_knows_the_traffic_the_worst_case_stands_alone() -> None:
    found = of(None)
    assert found.lines[7] == Line("Judge 1 guards", 0.0, 600, "10 min at most")
    assert not found.warnings


def test_a_step_that_outlasts_an_approval_names_the_policy() -> None:
    found = of(10.0, {"production@3": 1800, "staging@1": HOUR})
    assert [line.warning for line in found.lines if line.warning] == [
        "Longer than approvals count (30 min under production@3): nobody can ask for a promotion there with this plan."
    ]


@pytest.mark.parametrize(
    "step",
    [
        *(s for plan in ready_made.PLANS.values() for s in plan["steps"]),
        *plans.body_of(plans.parse({"steps": STEPS}))["steps"],
    ],
)
def test_every_step_reads_back_from_its_fields(step: dict[str, Any]) -> None:
    kind = editor.kind_of(step)
    assert kind is not None
    again = kind.step(kind.values(step))
    assert plans.parse({"steps": _around(again)}) == plans.parse({"steps": _around(step)})


def _around(step: dict[str, Any]) -> list[dict[str, Any]]:
    """The step where it may stand."""
    switch = {"do": "switch"}
    if step["do"] in ("switch", "hold"):
        return [switch] if step["do"] == "switch" else [switch, step]
    before = [{"do": "weight", "weight": 5000}] if step["do"] in ("pause", "analyse", "ab_test") else []
    return [*before, step, switch]


@pytest.mark.parametrize("key", editor.KINDS)
def test_a_new_step_of_each_kind_can_be_carried_out(key: str) -> None:
    kind = editor.KINDS[key]
    assert editor.kind_of(kind.begins) is kind
    plans.parse({"steps": _around(kind.step(kind.values(kind.begins)))})


@pytest.mark.parametrize(
    ("key", "typed", "place", "field"),
    [
        ("weight", {"weight": "a lot"}, "steps.0.weight", "weight"),
        ("weight", {"weight": "0.001"}, "steps.0.weight", "weight"),
        ("weight", {"weight": "1e3"}, "steps.0.weight", "weight"),
        ("pause", {"seconds": "a week"}, "steps.0.until.seconds", "seconds"),
        ("pause", {"seconds": "8 d"}, "steps.0.until.seconds", "seconds"),
        ("pause-requests", {"requests": "", "give_up": "1 h"}, "steps.0.until.requests", "requests"),
        ("analyse", {"p95": "on", "p95-limit": "0.5", "p95-fewest": "500", "p95-alpha": "1", "give_up": "1 h"},
         "steps.0.guards.0.limit", "p95-limit"),
        ("shadow", {"predictions": "5", "give_up": "1 h", "share": "100", "per_second": "5", "costs": "0 to 1 is 5"},
         "steps.0.costs", "costs"),
        ("shadow", {"predictions": "5", "give_up": "1 h", "share": "100", "per_second": "5", "segments": "a,b,c,d"},
         "steps.0.segments", "segments"),
        ("ab-test", {"units": "50", "give_up": "1 d", "metrics": "Accuracy: correct, highest, 0.01"},
         "steps.0.metrics.0.better", "metrics"),
        ("ab-test-time", {"seconds": "1 d", "metrics": ""}, "steps.0.metrics", "metrics"),
    ],
)  # fmt: skip
def test_what_is_refused_has_its_field(key: str, typed: dict[str, str], place: str, field: str) -> None:
    kind = editor.KINDS[key]
    step = kind.step(typed)
    with pytest.raises(plans.PlanRefused) as refused:
        plans.parse({"steps": [step, {"do": "switch"}]})
    assert place in refused.value.fields
    entry = editor.entry_at(kind, step, place.split(".", 2)[2])
    assert entry is not None
    assert entry.name == field
    said = editor.said(entry, refused.value.fields[place])
    assert said[0].isupper()
    assert "10,000" not in said


def test_a_step_of_another_kind_is_not_edited() -> None:
    assert editor.kind_of({"do": "mirror"}) is None
    assert editor.kind_of({"do": "pause", "until": None}) is None
