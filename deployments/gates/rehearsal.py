"""The rollback: whether the way back was really gone lately, and how long it took."""

from datetime import timedelta

from deployments.gates import limits as read
from deployments.gates.answers import GateAnswer, Limits, number, unknown
from deployments.gates.facts import GateFacts

LABEL = "Rollback rehearsed"


def limits(place: str, given: object) -> read.Json:
    """`days`, how old the newest rollback may be, and `seconds`, how long it may have taken."""
    found = read.known(place, given, "days", "seconds")
    return {
        "days": read.amount(place, found, "days", low=1, high=3650),
        "seconds": read.amount(place, found, "seconds", low=0.1, high=86_400),
    }


def answer(facts: GateFacts, limits: Limits) -> GateAnswer:
    """Pass on a rollback from or to the version that serves, if it is new and quick enough.

    Unknown without one, and when it is too old: what worked then may not work now.
    """
    limit = f"within {limits['days']:g} days, at most {number(limits['seconds'])} s"
    if facts.champion is None:
        return GateAnswer("pass", "no champion", limit, "Nothing serves yet, so there is nothing to go back to.")
    if not facts.served_before:
        return GateAnswer("pass", "first version", limit, f"v{facts.champion} is the first that serves here.")
    done = facts.rehearsal
    if done is None:
        return unknown(
            limit, f"No rollback from or to v{facts.champion} was ever completed here. Rehearse one.", facts.endpoint
        )
    on = f"{done.at:%d %b %Y}"
    if facts.now is None or facts.now - done.at > timedelta(days=limits["days"]):
        return unknown(limit, f"The last rollback was on {on}, which is too long ago. Rehearse one.", done.link)
    good = done.seconds <= limits["seconds"]
    sentence = f"The last rollback, on {on}, {'was quick enough' if good else 'took too long'}."
    measured = f"{number(done.seconds)} s on {on}"
    return GateAnswer("pass" if good else "fail", measured, limit, sentence, done.seconds, sample=1, link=done.link)
