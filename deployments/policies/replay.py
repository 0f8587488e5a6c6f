"""What other rules would have made of past promotions, judged by what was pinned with them. Pure.

A gate that nobody asked for then may have nothing to judge by: that cannot be told, and is said, never guessed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from deployments.gates import catalogue
from deployments.gates.facts import GateFacts
from deployments.policies import promotion as policy
from deployments.policies.promotion import ApprovalFacts, PersonFacts, RequestFacts
from deployments.policies.rules import Rules
from portal.core.actors import Grant

Effect = Literal["blocked", "more", "unknown", "same"]
ORDER: tuple[Effect, ...] = ("blocked", "more", "unknown", "same")
JUDGED = ("approvals", "request_days", "approval_hours", "step_up", "gates", "warm_hours")
"""The members of the rules a replay judges; a change of others is named, not guessed at."""


@dataclass(frozen=True, slots=True)
class Given:
    """An approval that counted, and the rule of that time it filled; `person.grants` are those of today."""

    person: PersonFacts
    at: datetime
    method: str
    rule: str


@dataclass(frozen=True, slots=True)
class Past:
    """A promotion that was let through. `facts` holds the rules of then, `answers` the gates' of then by code.

    `known` are the facts pinned with its evidence, from which a gate with other limits can be judged anew.
    """

    number: int
    title: str
    asked: datetime
    facts: RequestFacts
    answers: Mapping[str, Mapping[str, Any]]
    approvals: tuple[Given, ...]
    known: GateFacts


@dataclass(frozen=True, slots=True)
class Outcome:
    number: int
    title: str
    effect: Effect
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Replay:
    """`outcomes` of all that were looked at, the newest first; `not_judged` names changed members it cannot replay."""

    outcomes: tuple[Outcome, ...]
    not_judged: tuple[str, ...]

    def of(self, effect: Effect) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.effect == effect]

    @property
    def touched(self) -> list[Outcome]:
        """Those for which it would not have been the same, the gravest first."""
        found = [outcome for outcome in self.outcomes if outcome.effect != "same"]
        return sorted(found, key=lambda outcome: ORDER.index(outcome.effect))

    @property
    def sentence(self) -> str:
        """The finding in one line, such as: would have blocked 2: #12, #15; would have changed nothing for 7."""
        if not self.outcomes:
            return "No promotion has passed here yet, so there is nothing to replay."
        words = {"blocked": "would have blocked", "more": "would have needed more for", "unknown": "cannot be told for"}
        parts = [
            f"{text} {len(found)}: {', '.join(f'#{one.number}' for one in found)}"
            for effect, text in words.items()
            if (found := [one for one in self.outcomes if one.effect == effect])
        ]
        same = len(self.of("same"))
        parts += [f"would have changed nothing for {same}"] if same or not parts else []
        line = "; ".join(parts)
        return line[0].upper() + line[1:] + "."


def run(rules: Rules, changed: Iterable[str], past: Iterable[Past], teams: Mapping[str, int]) -> Replay:
    """Replay `past` under `rules`; `changed` are the members that differ, `teams` the ids of teams the rules name."""
    found = tuple(judge(rules, one, teams) for one in past)
    return Replay(found, tuple(sorted(set(changed) - set(JUDGED))))


def judge(rules: Rules, past: Past, teams: Mapping[str, int]) -> Outcome:
    """One promotion under the rules: the worst of what its gates, its time and its approvals come to."""
    found = [*_gates(rules, past), *_time(rules, past), *_approvals(rules, past, teams)]
    effect: Effect = min((one for one, _ in found), key=ORDER.index, default=ORDER[-1])
    reasons = tuple(text for one, text in sorted(found, key=lambda pair: ORDER.index(pair[0])))
    return Outcome(past.number, past.title, effect, reasons)


def _gates(rules: Rules, past: Past) -> list[tuple[Effect, str]]:
    found: list[tuple[Effect, str]] = []
    for code, limits in catalogue.asked_of(past.known.model, rules.gates).items():
        if code in past.answers and past.facts.rules.gates.get(code) == limits:
            continue
        label = catalogue.GATES[code].label
        answer = _answer(code, limits, past)
        if answer is None:
            found.append(("unknown", f"{label}: what it judges by was not pinned with this promotion"))
        elif answer["verdict"] == "fail":
            found.append(("blocked", f"{label}: {answer['note'] or answer['measured']} Limit: {answer['limit']}"))
        elif answer["verdict"] in ("unknown", "running"):
            found.append(("unknown", f"{label}: {answer['note'] or answer['measured']}"))
        elif answer["verdict"] == "needs_review" and past.answers.get(code, {}).get("verdict") != "needs_review":
            found.append(("more", f"{label}: somebody would have had to look at it. {answer['note']}".strip()))
    return found


def _answer(code: str, limits: Mapping[str, Any], past: Past) -> Mapping[str, Any] | None:
    """What the gate says by the pinned evaluations; None where it needs others, or something else."""
    if "data" not in limits or str(limits["data"]) not in past.known.evaluations:
        return None
    return catalogue.answers(past.known, {code: limits})[0]


def _time(rules: Rules, past: Past) -> list[tuple[Effect, str]]:
    if not past.approvals:
        return []
    waited = max(one.at for one in past.approvals) - past.asked
    if waited <= timedelta(days=rules.request_days):
        return []
    return [("blocked", f"The last approval came after {waited.days} days; it would have lapsed by then")]


def _approvals(rules: Rules, past: Past, teams: Mapping[str, int]) -> list[tuple[Effect, str]]:
    """Whether those who approved fill the new rules: in the roles they were counted for, or only with today's."""
    proven = _missing(rules, past, teams, today=False)
    if not proven:
        return []
    if not _missing(rules, past, teams, today=True):
        return [("unknown", "Whether those who approved held the roles it asks for is known for today only")]
    return [("more", text) for text in proven]


def _missing(rules: Rules, past: Past, teams: Mapping[str, int], *, today: bool) -> tuple[str, ...]:
    facts = replace(past.facts, rules=rules, teams=dict(teams))
    taken = [one for one in past.approvals if one.method in rules.step_up]
    given = [
        ApprovalFacts(replace(_then(one, past, today), active=True), one.at, facts.evidence_digest, facts.revision)
        for one in taken
    ]
    now = max((one.at for one in past.approvals), default=past.asked)
    lines = policy.verdict(facts, given, [], now).lines
    return tuple(f"{line.need - line.have} more approval as {line.name}" for line in lines if not line.satisfied)


def _then(one: Given, past: Past, today: bool) -> PersonFacts:
    """The person with the role they were counted for, and with those of today if asked."""
    rule = next((rule for rule in past.facts.rules.approvals if rule.name == one.rule), None)
    held = one.person.grants if today else frozenset()
    if rule is not None:
        team = past.facts.team_id if rule.team is None else past.facts.teams.get(rule.team, -1)
        held = held | {Grant(rule.role, team)}
    return replace(one.person, grants=held)
