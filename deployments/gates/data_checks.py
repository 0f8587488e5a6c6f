"""The checks of the data the version was trained and evaluated on."""

from deployments.gates import limits as read
from deployments.gates.answers import GateAnswer, Limits, Verdict, unknown
from deployments.gates.facts import GateFacts

LABEL = "Data checks"
LIMIT = "all passed"
ORDER: tuple[Verdict, ...] = ("fail", "unknown", "needs_review", "pass")


def limits(place: str, given: object) -> read.Json:
    """Nothing: the checks are those of the data sets."""
    return read.known(place, given)


def answer(facts: GateFacts, limits: Limits) -> GateAnswer:
    """The worst verdict of all data the version rests on; data that was never checked is unknown."""
    if not facts.data:
        return unknown(LIMIT, "No data set is known of this version. Log its inputs by name, or evaluate it.")
    verdicts: dict[str, Verdict] = {one.name: one.verdict or "unknown" for one in facts.data}  # type: ignore[misc]
    worst = min(verdicts.values(), key=ORDER.index)
    named = ", ".join(sorted(name for name, verdict in verdicts.items() if verdict == worst))
    passed = sum(verdict == "pass" for verdict in verdicts.values())
    words = {"pass": "Every check passed on", "fail": "A check failed on", "needs_review": "Look at the checks of"}
    sentence = f"{words.get(worst, 'Not checked:')} {named}."
    return GateAnswer(worst, f"{passed} of {len(verdicts)} passed", LIMIT, sentence, sample=len(verdicts))
