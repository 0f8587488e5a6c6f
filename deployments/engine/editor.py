"""The steps of a plan as people fill them in: one entry of `KINDS` for each kind of step. Pure.

A kind says what its fields are, where each value stands in the step's data, and how it is read and shown. What is
right is said by `plans.parse` alone, so what cannot be read goes on as the text it is and is refused at its place. A
step of a kind that is not here stays as it is; nothing is lost by editing the others.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deployments.engine import reading
from deployments.engine.plans import MEASURES
from deployments.engine.ready_made import GUARDS, PLANS

Json = dict[str, Any]
Values = dict[str, str]


@dataclass(frozen=True, slots=True)
class Entry:
    """One field. `place` is its path in the step's data, `wrong` what is said instead of a range in units that people
    do not see here; `shape` is "line", "area" or "tick", and those with one `group` stand in a row."""

    name: str
    label: str
    place: tuple[str, ...]
    read: Callable[[str], Any]
    show: Callable[[Any], str]
    help: str = ""
    wrong: str = ""
    shape: str = "line"
    group: str = ""
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of step. `begins` is what a new one holds; `fits` tells it from others with the same `do`."""

    key: str
    title: str
    about: str
    begins: Json
    entries: tuple[Entry, ...] = ()
    fits: Callable[[Mapping[str, Any]], bool] = lambda step: True
    opened: Callable[[Json], Json] = lambda step: step
    closed: Callable[[Json], Json] = lambda step: step

    def values(self, step: Mapping[str, Any]) -> Values:
        """What the fields show of a step."""
        held = self.opened(dict(step))
        return {entry.name: entry.show(_get(held, entry.place)) for entry in self.entries}

    def step(self, values: Mapping[str, str]) -> Json:
        """The step that the fields say, right or wrong."""
        held = self.opened(json.loads(json.dumps(self.begins)))
        for entry in self.entries:
            _set(held, entry.place, entry.read(values.get(entry.name, "").strip()))
        return self.closed(held)


def _get(held: Any, place: Sequence[str]) -> Any:
    for name in place:
        held = held.get(name) if isinstance(held, Mapping) else None
    return held


def _set(held: Json, place: Sequence[str], value: Any) -> None:
    for name in place[:-1]:
        held = held.setdefault(name, {})
    held[place[-1]] = value


def _until(unit: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda step: unit in (step.get("until") or {})


def _asking(unit: str) -> Callable[[Mapping[str, Any]], bool]:
    """An A/B test of this kind that a person decides."""
    return lambda step: step.get("decide", "person") == "person" and _until(unit)(step)


def _span(name: str, label: str, *place: str, about: str = "") -> Entry:
    return Entry(name, label, place, reading.span, reading.span_words, about or reading.SPANS, reading.SPAN_WRONG)


def _count(name: str, label: str, *place: str, about: str = "") -> Entry:
    return Entry(name, label, place, reading.whole, reading.text, about)


def _share(name: str, label: str, *place: str, about: str = "") -> Entry:
    return Entry(name, label, place, reading.hundredths, reading.percent, about, reading.SHARE_WRONG)


ASKS = "asks a person then"


def _guard(measure: str) -> tuple[Entry, ...]:
    """A measure with its tick, its limit in the unit people say it in, and how sure and how soon it judges."""
    words, least, most = MEASURES[measure]
    share = least == 0
    unit, read, show = ("pp", reading.per_cent, reading.cent) if share else ("times", reading.number, reading.text)
    wrong = f"must be above {least * 100:g} and up to {most * 100:g} percentage points" if share else ""
    place = ("guards", measure)
    return (
        Entry(measure, words, (*place, "on"), bool, reading.tick, shape="tick", group=measure),
        Entry(f"{measure}-limit", f"Limit ({unit})", (*place, "limit"), read, show, "", wrong, group=measure),
        Entry(
            f"{measure}-alpha", "Wrong stops (%)", (*place, "alpha"), reading.per_cent, reading.cent, "",
            "must be above 0 and up to 20 %", group=measure,
        ),
        Entry(f"{measure}-fewest", "Fewest requests", (*place, "fewest"), reading.whole, reading.text, group=measure),
    )  # fmt: skip


def _opened(step: Json) -> Json:
    """Guards by measure; those the step has are on, the others as a new one would begin."""
    given = {str(one.get("measure")): {**one, "on": True} for one in step.get("guards", ())}
    return step | {"guards": {measure: given.get(measure, GUARDS[measure]) for measure in MEASURES}}


def _closed(step: Json) -> Json:
    held = [{"measure": name, **one} for name, one in step["guards"].items() if one.get("on")]
    return step | {"guards": [{name: value for name, value in one.items() if name != "on"} for one in held]}


COPYING = (
    _share("share", "Share of the predictions (%)", "share"),
    _count("per_second", "At most a second", "per_second"),
    Entry(
        "threshold", "Threshold", ("threshold",), reading.number_or_none, reading.text,
        "makes classes of scores", optional=True,
    ),
    Entry(
        "segments", "Report by column", ("segments",), reading.listed, reading.commas,
        "up to three columns, with commas between them", optional=True,
    ),
    Entry(
        "costs", "What changes of class cost", ("costs",), reading.costs, reading.cost_lines,
        "one a line, such as 0 → 1: 15", shape="area", optional=True,
    ),
)  # fmt: skip
TESTING = (
    Entry(
        "metrics", "Metrics", ("metrics",), reading.metrics, reading.metric_lines,
        f"{reading.METRIC_LINE}. What is compared: correct, error, or value: and the name of a reported value",
        shape="area", group="metrics",
    ),
    Entry(
        "threshold", "Threshold", ("threshold",), reading.number_or_none, reading.text,
        "makes classes of scores", optional=True,
    ),
    *(entry for measure in MEASURES for entry in _guard(measure)),
)  # fmt: skip
TEST = next(step for step in PLANS["ab-test"]["steps"] if step["do"] == "ab_test")
TRUTH_ABOUT = "goes on by itself while every metric keeps its limit, which is what stands last; back beyond it"
TEST_ABOUT = "both versions answer units of their own, ground truth compares them, then a person decides"
SHADOW = {"do": "shadow", "share": 10_000, "per_second": 50, "threshold": None, "segments": [], "costs": {}}

KINDS: dict[str, Kind] = {
    kind.key: kind
    for kind in (
        Kind(
            "shadow", "Shadow until so many are compared", "asked again what callers ask; nobody gets its answers",
            {**SHADOW, "until": {"predictions": 2000}, "give_up": 3600},
            (_count("predictions", "Predictions", "until", "predictions"),
             _span("give_up", "Give up after", "give_up", about=ASKS), *COPYING), _until("predictions"),
        ),
        Kind(
            "shadow-time", "Shadow for a time", "asked again what callers ask; nobody gets its answers",
            {**SHADOW, "until": {"seconds": 3600}},
            (_span("seconds", "For", "until", "seconds"), *COPYING), _until("seconds"),
        ),
        Kind(
            "weight", "Set weight", "the new version gets this much of the traffic, the champion the rest",
            {"do": "weight", "weight": 1000}, (_share("weight", "Weight (%)", "weight"),),
        ),
        Kind(
            "pause", "Wait for a time", "the weights stay",
            {"do": "pause", "until": {"seconds": 600}}, (_span("seconds", "For", "until", "seconds"),),
            _until("seconds"),
        ),
        Kind(
            "pause-person", "Wait for a person", "the weights stay until somebody says to go on",
            {"do": "pause", "until": {"person": True}}, (), _until("person"),
        ),
        Kind(
            "pause-requests", "Wait for requests", "until the new version had so many",
            {"do": "pause", "until": {"requests": 1000}, "give_up": 3600},
            (_count("requests", "Requests", "until", "requests"),
             _span("give_up", "Give up after", "give_up", about=ASKS)), _until("requests"),
        ),
        Kind(
            "pause-labels", "Wait for labels", "until so many have arrived for each version, of what it then answers",
            {"do": "pause", "until": {"labels": 1000}, "give_up": 86_400},
            (_count("labels", "Labels of each version", "until", "labels"),
             _span("give_up", "Give up after", "give_up", about=ASKS)), _until("labels"),
        ),
        Kind(
            "analyse", "Judge by guards", "waits until every guard passes; one that fails takes the rollout back",
            {"do": "analyse", "guards": [{"measure": name, **one} for name, one in GUARDS.items()], "give_up": 3600},
            (*(entry for measure in MEASURES for entry in _guard(measure)),
             _span("give_up", "Give up after", "give_up", about=ASKS)), opened=_opened, closed=_closed,
        ),
        Kind(
            "ab-test", "A/B test until so many units", TEST_ABOUT, TEST,
            (_count("units", "Units of each version", "until", "units"),
             _span("give_up", "Give up after", "give_up", about=ASKS), *TESTING), _asking("units"), _opened, _closed,
        ),
        Kind(
            "ab-test-time", "A/B test for a time", TEST_ABOUT,
            {**{name: value for name, value in TEST.items() if name != "give_up"}, "until": {"seconds": 604_800}},
            (_span("seconds", "For", "until", "seconds"), *TESTING), _asking("seconds"), _opened, _closed,
        ),
        Kind(
            "ground-truth", "Judge by ground truth", TRUTH_ABOUT,
            {**TEST, "decide": "limits", "metrics": [{**TEST["metrics"][0], "limit": 0.02}]},
            (_count("units", "Units of each version", "until", "units"),
             _span("give_up", "Give up after", "give_up", about=ASKS), *TESTING),
            lambda step: step.get("decide") == "limits" and _until("units")(step), _opened, _closed,
        ),
        Kind("switch", "Switch", "all traffic to the new version; exactly once", {"do": "switch"}),
        Kind(
            "hold", "Hold", "the former champion stays loaded; an abort goes back to it at once",
            {"do": "hold", "seconds": 600}, (_span("seconds", "For", "seconds"),),
        ),
    )
}  # fmt: skip


def kind_of(step: Mapping[str, Any]) -> Kind | None:
    """The kind whose fields show this step; None for what the editor does not know."""
    do = step.get("do")
    return next((kind for kind in KINDS.values() if kind.begins["do"] == do and kind.fits(step)), None)


def entry_at(kind: Kind, step: Mapping[str, Any], place: str) -> Entry | None:
    """The field that stands for a place inside a step, such as `until.seconds` or `guards.1.limit`."""
    names = place.split(".")
    if names[0] == "guards" and len(names) > 1 and names[1].isdigit():
        names[1] = str(step["guards"][int(names[1])]["measure"])
    if names[0] == "metrics":
        names = names[:1]
    return next((entry for entry in kind.entries if list(entry.place) == names), None)


def step_at(name: str) -> tuple[int | None, str]:
    """The step, from 0, that a refused place such as `steps.1.until.seconds` is in, and the place within it."""
    first, _, rest = name.partition(".")
    number, _, place = rest.partition(".")
    return (int(number), place) if first == "steps" and number.isdigit() else (None, "")


def heading(kind: Kind, entry: Entry) -> str:
    """What the row of a field is called that shares its label with those of other rows; "" for any other field."""
    head = next((one for one in kind.entries if one.group == entry.group and one.shape == "tick"), None)
    return head.label if head and entry.group and head is not entry else ""


DATA = re.compile(r"(?<=%) \(\d[\d\u202f]*\)")
"""A share in basis points, which stands behind its per cent for who writes the data."""


def said(entry: Entry | None, text: str, place: str = "") -> str:
    """What is wrong, in the units that the field is in; of a text of several lines, in which."""
    ranged = text.startswith(("must be a whole number", "must be a number"))
    found = entry.wrong if entry and entry.wrong and ranged else DATA.sub("", text) if entry else text
    names = place.split(".")
    if names[0] == "metrics" and len(names) > 1 and names[1].isdigit():
        member = reading.METRIC_WORDS.get(names[2], names[2]) if len(names) > 2 else ""
        found = " ".join(filter(None, [f"line {int(names[1]) + 1}:", member, found]))
    return f"{found[0].upper()}{found[1:]}."
