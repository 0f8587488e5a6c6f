"""Open severe incidents: nothing is promoted while something is badly wrong."""

from deployments.gates import limits as read
from deployments.gates.answers import GateAnswer, Limits, unknown
from deployments.gates.facts import GateFacts

LABEL = "No open severe incident"
LIMIT = "none open"
SHOWN = 3


def limits(place: str, given: object) -> read.Json:
    """Nothing: which incidents are severe is said by their source."""
    return read.known(place, given)


def answer(facts: GateFacts, limits: Limits) -> GateAnswer:
    """Fail while one is open; unknown when the source could not say."""
    if facts.incidents is None:
        return unknown(LIMIT, "The source of incidents could not be asked.")
    if not facts.incidents:
        return GateAnswer("pass", "none", LIMIT, "No severe incident is open on the model or its endpoint.", sample=0)
    count, first = len(facts.incidents), facts.incidents[0]
    more = f" and {count - SHOWN} more" if count > SHOWN else ""
    sentence = "; ".join(one.title for one in facts.incidents[:SHOWN]) + f"{more}."
    return GateAnswer("fail", f"{count} open", LIMIT, sentence, float(count), sample=count, link=first.link)
