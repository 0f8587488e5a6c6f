"""The signature gate: callers of the old signature go on with the new one, in what they send and what they read."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.gates import signature
from deployments.gates.facts import GateFacts
from deployments.policies import evidence

GATE = signature.limits("gates.signature", {})
TENSOR = {"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 2]}}


def column(name: str, kind: str = "double", *, required: bool = True) -> dict[str, Any]:
    return {"name": name, "type": kind, "required": required}


def told(inputs: list[dict[str, Any]], *outputs: dict[str, Any]) -> dict[str, Any]:
    return {"inputs": inputs, "outputs": list(outputs)}


OLD = told([column("distance"), column("seats", "integer"), column("note", "string", required=False)], TENSOR)


@pytest.mark.parametrize(
    ("inputs", "output", "says"),
    [
        ([*OLD["inputs"], column("wind")], TENSOR, "callers do not send: wind."),
        (OLD["inputs"][1:], TENSOR, "no longer taken: distance."),
        ([*OLD["inputs"][:2], column("note", "string")], TENSOR, "needed from now on: note."),
        ([column("distance", "string"), *OLD["inputs"][1:]], TENSOR, "of another type: distance."),
        ([column("distance", "float"), *OLD["inputs"][1:]], TENSOR, "of another type: distance."),
        (OLD["inputs"], None, "no longer answered: 0."),
        (OLD["inputs"], {"type": "double"}, "answered as another type: 0."),
        (OLD["inputs"], TENSOR | {"tensor-spec": {"dtype": "float64", "shape": [-1, 3]}}, "another type: 0."),
    ],
)
def test_what_breaks_callers_is_named(inputs: list[dict[str, Any]], output: Any, says: str) -> None:
    new = told(inputs, *([output] if output else []))
    found = signature.judged(new, OLD, GATE)
    assert (found.verdict, found.measured, says in found.sentence) == ("fail", "callers must change", True), found
    assert signature.judged(new, OLD, signature.BUILT_IN).verdict == "needs_review"


@pytest.mark.parametrize(("from_kind", "to_kind"), sorted(signature.WIDER))
def test_a_wider_number_still_takes_what_is_sent(from_kind: str, to_kind: str) -> None:
    old, new = (told([column("n", kind)], TENSOR) for kind in (from_kind, to_kind))
    assert signature.judged(new, old, GATE).verdict == "pass"
    assert signature.judged(old, new, GATE).verdict == "fail"


@pytest.mark.parametrize("verdict", ["pass", "needs_review", "fail"])
def test_new_optional_columns_get_what_the_policy_says(verdict: str) -> None:
    new = told([*OLD["inputs"], column("wind", required=False)], TENSOR, {"name": "why", "type": "string"})
    limits = signature.limits("gates.signature", {"added_optional": verdict})
    found = signature.judged(new, OLD, limits)
    assert (found.verdict, found.sentence) == (verdict, "New and optional: wind.")


@pytest.mark.parametrize(
    ("new", "old", "verdict", "says"),
    [
        ({}, OLD, "fail", "Log the model with a signature"),
        (OLD, None, "pass", "no champion"),
        (OLD, {}, "needs_review", "has no signature"),
        (OLD, OLD, "pass", "what they do today"),
    ],
)
def test_what_is_missing_is_said(new: dict[str, Any], old: Any, verdict: str, says: str) -> None:
    facts = GateFacts(3, "m", None if old is None else 2, signature=new, champion_signature=old)
    found = signature.answer(facts, GATE)
    assert (found.verdict, says in found.sentence) == (verdict, True), found


NAMES = st.sampled_from("abcd")
COLUMNS = st.dictionaries(NAMES, st.tuples(st.sampled_from(["integer", "long", "string"]), st.booleans()))


@given(old=COLUMNS, new=COLUMNS)
def test_it_passes_only_what_takes_every_call_of_today(old: Any, new: Any) -> None:
    """Held against the calls themselves: the fullest and the barest one that the old signature takes."""
    sides = [told([column(n, kind, required=must) for n, (kind, must) in side.items()]) for side in (old, new)]
    calls = [set(old), {name for name, (_, must) in old.items() if must}]
    fits = all(name in new and (kind == new[name][0] or (kind, new[name][0]) == ("integer", "long"))
               for name, (kind, _) in old.items())  # fmt: skip
    taken = fits and all({name for name, (_, must) in new.items() if must} <= call for call in calls)
    assert (signature.differences(*sides) == []) == taken


def test_the_gate_stands_in_for_the_built_in_check() -> None:
    version = {
        "status": "ready", "digest": "sha256:1", "status_words": "", "executes_code": False, "signature": OLD,
        "metrics": {},
    }  # fmt: skip
    own = {"code": "signature", "verdict": "fail", "label": "x"}
    assert next(one for one in evidence.checks(version, None) if one["code"] == "signature")["verdict"] == "pass"
    assert [one for one in evidence.checks(version, None, [own]) if one["code"] == "signature"] == [own]
