"""The rollback: whether the way back was really gone, or rehearsed, lately, and how long it took."""

from datetime import timedelta

from deployments.gates import limits as read
from deployments.gates.answers import GateAnswer, Limits, number, unknown
from deployments.gates.facts import GateFacts, Rehearsal

LABEL = "Rollback rehearsed"


def limits(place: str, given: object) -> read.Json:
    """`days`, how old the newest rollback may be, and `seconds`, how long it may have taken."""
    found = read.known(place, given, "days", "seconds")
    return {
        "days": read.amount(place, found, "days", low=1, high=3650),
        "seconds": read.amount(place, found, "seconds", low=0.1, high=86_400),
    }


def answer(facts: GateFacts, limits: Limits) -> GateAnswer:
    """Pass on a rollback from or to the version that serves, or on a drill of one, if it is new and quick enough.

    Unknown without one, when it is too old, and when the newest drill failed: what worked then may not work now. What a
    drill showed is told without its figures: another drill a day later is no other evidence.
    """
    limit = f"within {limits['days']:g} days, at most {number(limits['seconds'])} s"
    if facts.champion is None:
        return GateAnswer("pass", "no champion", limit, "Nothing serves yet, so there is nothing to go back to.")
    if not facts.served_before:
        return GateAnswer("pass", "first version", limit, f"v{facts.champion} is the first that serves here.")
    if facts.rehearsal is None and facts.drill is None:
        return unknown(
            limit, f"No rollback from or to v{facts.champion} was ever completed here. Rehearse one.", facts.endpoint
        )
    newest = _newest(facts)
    if newest.wrong:
        return unknown(limit, f"The last drill failed. {newest.wrong}", newest.link)
    done = facts.rehearsal
    if done is not None and _young(done, facts, limits):
        return _measured(done, limit, limits)
    if facts.drill is not None and not facts.drill.wrong and _young(facts.drill, facts, limits):
        return _drilled(facts.drill, limit, limits)
    return unknown(
        limit, f"The last rollback was on {newest.at:%d %b %Y}, which is too long ago. Rehearse one.", newest.link
    )


def _newest(facts: GateFacts) -> Rehearsal:
    return max(filter(None, (facts.rehearsal, facts.drill)), key=lambda one: one.at)


def _young(done: Rehearsal, facts: GateFacts, limits: Limits) -> bool:
    return facts.now is not None and facts.now - done.at <= timedelta(days=limits["days"])


def _measured(done: Rehearsal, limit: str, limits: Limits) -> GateAnswer:
    good, on = done.seconds <= limits["seconds"], f"{done.at:%d %b %Y}"
    sentence = f"The last rollback, on {on}, {'was quick enough' if good else 'took too long'}."
    measured = f"{number(done.seconds)} s on {on}"
    return GateAnswer("pass" if good else "fail", measured, limit, sentence, done.seconds, sample=1, link=done.link)


def _drilled(done: Rehearsal, limit: str, limits: Limits) -> GateAnswer:
    good = done.seconds <= limits["seconds"]
    sentence = f"The last drill {'passed and was quick enough' if good else 'passed, but took too long'}."
    return GateAnswer("pass" if good else "fail", "drill passed", limit, sentence, link=done.link)
