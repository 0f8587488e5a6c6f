"""The signature: whether today's callers can go on, with what they send and with what they read.

Today's callers are known by the signature of the version that serves; what it took, they may send.
"""

from collections.abc import Mapping
from typing import Any

from deployments.gates import limits as read
from deployments.gates.answers import GateAnswer, Limits, Verdict
from deployments.gates.facts import GateFacts

Json = dict[str, Any]
LABEL = "Signature fits today's callers"
WIDER = {("integer", "long"), ("integer", "double"), ("float", "double")}
"""Types of a number that a column may change to and still take each value of before."""
BUILT_IN: Limits = {"added_optional": "pass", "breaking": "needs_review"}
"""What is asked of every request, where no policy says more."""
SHOWN = 8


def limits(place: str, given: object) -> read.Json:
    """`added_optional`, what new optional columns get, and `breaking`, what callers who must change get.

    Verdicts: pass (without a word), needs_review or fail; `breaking` is needs_review or fail (without a word).
    """
    found = read.known(place, given, "added_optional", "breaking")
    return {
        "added_optional": read.choice(place, found, "added_optional", ("pass", "needs_review", "fail"), default="pass"),
        "breaking": read.choice(place, found, "breaking", ("needs_review", "fail"), default="fail"),
    }


def answer(facts: GateFacts, limits: Limits) -> GateAnswer:
    """Pass when nothing that callers send is refused and nothing they read is gone or means something else."""
    return judged(facts.signature, facts.champion_signature, limits)


def judged(new: Mapping[str, Any], old: Mapping[str, Any] | None, limits: Limits) -> GateAnswer:
    """The answer on two signatures; `old` is None before anything serves, and {} when what serves has none."""
    limit = "callers go on"
    after = columns(new, "inputs")
    if not after:
        return GateAnswer("fail", "none", "a signature", "Log the model with a signature.")
    if old is None:
        return GateAnswer("pass", "present", "a signature", "There is no champion to be compatible with.")
    if not columns(old, "inputs"):
        return GateAnswer("needs_review", "not comparable", limit, "The version that serves has no signature.")
    breaking = differences(old, new)
    if breaking:
        verdict: Verdict = limits["breaking"]
        return GateAnswer(verdict, "callers must change", limit, f"{'; '.join(breaking)}.")
    added = sorted(set(after) - set(columns(old, "inputs")))
    if added:
        return GateAnswer(limits["added_optional"], "compatible", limit, f"New and optional: {named(added)}.")
    return GateAnswer("pass", "compatible", limit, "Callers send and read what they do today.")


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """In words, each way in which callers of `old` would fail with `new`; columns that both know are compared."""
    before, after = columns(old, "inputs"), columns(new, "inputs")
    read_before, read_after = columns(old, "outputs"), columns(new, "outputs")
    kept = [name for name in before if name in after]
    found = {
        "callers do not send": [name for name in after if name not in before and required(after[name])],
        "no longer taken": [name for name in before if name not in after],
        "needed from now on": [n for n in kept if required(after[n]) and not required(before[n])],
        "of another type": [n for n in kept if not _takes(after[n], before[n])],
        "no longer answered": [name for name in read_before if name not in read_after],
        "answered as another type": [
            n for n in read_before if n in read_after and _type(read_before[n]) != _type(read_after[n])
        ],
    }
    return [f"{what}: {named(sorted(names))}" for what, names in found.items() if names]


def columns(signature: Mapping[str, Any], side: str) -> dict[str, Json]:
    """The columns of a signature's `inputs` or `outputs` by name; unnamed ones get their position as name."""
    found = signature.get(side) or []
    return {str(col.get("name", index)): col for index, col in enumerate(found) if isinstance(col, dict)}


def required(column: Json) -> bool:
    return bool(column.get("required", True))


def named(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _type(column: Json) -> object:
    """What has to be equal for a value to mean the same: of a tensor its numbers and its shape."""
    return column.get("type"), {k: v for k, v in column.items() if k not in ("name", "required", "type")}


def _takes(after: Json, before: Json) -> bool:
    return _type(after) == _type(before) or (before.get("type"), after.get("type")) in WIDER
