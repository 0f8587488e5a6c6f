"""Who may do what with a promotion request, and whether its approvals suffice: pure functions over plain facts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from deployments.policies import conditions
from deployments.policies.conditions import Condition, Progress
from deployments.policies.freezes import Freeze
from deployments.policies.rules import ApprovalRule, Rules, hours_in_words
from portal.accounts import access
from portal.accounts.permissions import Permission
from portal.core.actors import Actor, Grant
from portal.core.decisions import ALLOWED, Decision, refused

Json = Mapping[str, Any]
Named = tuple[str, str]
"""Somebody, and why."""


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """What the policy needs to know about a request. `teams` maps the slugs named by rules to team ids; `blocked` says
    which checks are in the way of every approval; `barred` are further people who can never approve, and why. `plan`
    is what conditions of approvals are held against, and `progress` how far a rollout of it has come;
    `freezes_today` is the calendar of the policy that holds by now."""

    number: int
    status: str
    team_id: int
    requester_id: int
    uploader_id: int | None
    rules: Rules
    teams: dict[str, int]
    evidence_digest: str = ""
    revision: int = 1
    blocked: str = ""
    barred: Mapping[int, str] = field(default_factory=dict)
    plan: tuple[Json, ...] = ()
    progress: Progress | None = None
    freezes_today: tuple[Freeze, ...] = ()

    @property
    def freezes(self) -> tuple[Freeze, ...]:
        """The calendar it was frozen with and that of today: a freeze can be added meanwhile, but not lifted."""
        own = self.rules.freezes
        return (*own, *(freeze for freeze in self.freezes_today if freeze not in own))


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """`mailbox` is where their mail goes, so that two accounts of one human are known as such."""

    person_id: int
    label: str
    active: bool
    grants: frozenset[Grant]
    mailbox: str = ""


@dataclass(frozen=True, slots=True)
class ApprovalFacts:
    person: PersonFacts
    at: datetime
    evidence_digest: str
    revision: int
    condition: Condition | None = None


@dataclass(frozen=True, slots=True)
class RuleLine:
    """One rule with who filled it, who still can, and who cannot and why."""

    name: str
    role: str
    team: str | None
    need: int
    have: int
    by: tuple[str, ...]
    can: tuple[str, ...]
    cannot: tuple[tuple[str, str], ...]

    @property
    def satisfied(self) -> bool:
        return self.have >= self.need


@dataclass(frozen=True, slots=True)
class Verdict:
    """The policy's computed answer on all approvals. `lapsed` names approvals that no longer count, and why.

    `conditional` names those that do not count yet, because the plan does not keep what they ask; `counting` are the
    people whose approval does.
    """

    lines: tuple[RuleLine, ...]
    lapsed: tuple[tuple[str, str], ...]
    conditional: tuple[tuple[str, str], ...] = ()
    counting: tuple[PersonFacts, ...] = ()

    @property
    def satisfied(self) -> bool:
        return all(line.satisfied for line in self.lines)

    @property
    def have(self) -> int:
        return sum(line.have for line in self.lines)

    @property
    def need(self) -> int:
        return sum(line.need for line in self.lines)

    @property
    def missing(self) -> tuple[str, ...]:
        """What is still missing, in words."""
        return tuple(
            f"{line.need - line.have} more approval as {line.name}"
            + (
                f": {' or '.join(line.can)}"
                if line.can
                else ": nobody can give it; an administrator must grant the role"
            )
            for line in self.lines
            if not line.satisfied
        )


def fits(rule: ApprovalRule, grants: Iterable[Grant], facts: RequestFacts) -> bool:
    """Whether somebody with these grants can fill the rule."""
    team_id = facts.team_id if rule.team is None else facts.teams.get(rule.team, -1)
    return any(g.role == rule.role and (g.team_id is None or g.team_id == team_id) for g in grants)


def excluded(person_id: int | None, facts: RequestFacts) -> str:
    """Why this person can never approve this request; empty when they can."""
    if person_id is None:
        return "only people approve"
    if person_id == facts.requester_id:
        return "asked for it, so cannot approve it"
    if person_id == facts.uploader_id:
        return "registered the version, so cannot approve it"
    return facts.barred.get(person_id, "")


def _why_lapsed(approval: ApprovalFacts, facts: RequestFacts, now: datetime) -> str:
    if approval.revision != facts.revision or approval.evidence_digest != facts.evidence_digest:
        return "the evidence changed"
    if approval.at + timedelta(hours=facts.rules.approval_hours) <= now:
        return f"it is older than {hours_in_words(facts.rules.approval_hours)}"
    if not approval.person.active:
        return "the account is disabled"
    if approval.condition and (why := conditions.lapsed(approval.condition, facts.progress)):
        return why
    return excluded(approval.person.person_id, facts)


def match(slots: list[ApprovalRule], people: list[PersonFacts], facts: RequestFacts) -> dict[int, int]:
    """Slot to person, as many slots filled as possible with each person in one slot only.

    Augmenting paths (Kuhn 1955); the lists have a handful of members, and a greedy choice would leave some
    satisfiable sets of rules unmet.
    """
    filled: dict[int, int] = {}

    def place(person: int, tried: set[int]) -> bool:
        for slot, rule in enumerate(slots):
            if slot in tried or not fits(rule, people[person].grants, facts):
                continue
            tried.add(slot)
            if slot not in filled or place(filled[slot], tried):
                filled[slot] = person
                return True
        return False

    for person in range(len(people)):
        place(person, set())
    return filled


def verdict(
    facts: RequestFacts, approvals: Iterable[ApprovalFacts], people: Iterable[PersonFacts], now: datetime
) -> Verdict:
    """Whether the approvals fill the rules now: by active people, who hold the roles now, on this very evidence."""
    counting, lapsed, conditional = counted(facts, approvals, now)
    slots = [rule for rule in facts.rules.approvals for _ in range(rule.count)]
    filled = match(slots, counting, facts)
    used = {person.person_id for person in counting}
    pool = list(people)
    lines = [_line(rule, slots, filled, counting, pool, used, facts) for rule in facts.rules.approvals]
    return Verdict(tuple(lines), tuple(lapsed), tuple(conditional), tuple(counting))


def counted(
    facts: RequestFacts, approvals: Iterable[ApprovalFacts], now: datetime
) -> tuple[list[PersonFacts], list[Named], list[Named]]:
    """Who counts, each person once; whose approval no longer does and why; and whose does not yet."""
    counting: dict[int, PersonFacts] = {}
    lapsed, conditional = [], []
    for approval in unlifted(approvals, facts):
        label = approval.person.label
        if why := _why_lapsed(approval, facts, now):
            lapsed.append((label, why))
        elif why := _not_yet(approval, facts):
            conditional.append((label, why))
        elif twin := twin_of(approval.person, counting.values()):
            lapsed.append((label, f"it is of the same mailbox as that of {twin.label}"))
        else:
            counting[approval.person.person_id] = approval.person
    return list(counting.values()), lapsed, conditional


def twin_of(person: PersonFacts, people: Iterable[PersonFacts]) -> PersonFacts | None:
    """Another account of the same human among `people`."""
    same = (p for p in people if p.mailbox and p.mailbox == person.mailbox and p.person_id != person.person_id)
    return next(same, None)


def unlifted(approvals: Iterable[ApprovalFacts], facts: RequestFacts) -> list[ApprovalFacts]:
    """All but those under a condition that their giver has lifted since, by approving without one."""
    given = list(approvals)
    free = {a.person.person_id for a in given if a.condition is None and a.revision == facts.revision}
    return [a for a in given if a.condition is None or a.person.person_id not in free]


def _not_yet(approval: ApprovalFacts, facts: RequestFacts) -> str:
    if approval.condition is None or (facts.progress and approval.condition.met(facts.progress.seen)):
        return ""
    return conditions.in_words(facts.plan, approval.condition)


def _line(
    rule: ApprovalRule,
    slots: list[ApprovalRule],
    filled: dict[int, int],
    counting: list[PersonFacts],
    pool: list[PersonFacts],
    used: set[int],
    facts: RequestFacts,
) -> RuleLine:
    by = tuple(counting[person].label for slot, person in sorted(filled.items()) if slots[slot] == rule)
    fitting = [p for p in pool if p.active and fits(rule, p.grants, facts)]
    cannot = tuple((p.label, excluded(p.person_id, facts)) for p in fitting if excluded(p.person_id, facts))
    can = tuple(p.label for p in fitting if not excluded(p.person_id, facts) and p.person_id not in used)
    return RuleLine(
        rule.name, rule.role, rule.team, rule.count, len(by), by, can if len(by) < rule.count else (), cannot
    )


def rule_for(actor_grants: frozenset[Grant], facts: RequestFacts, given: Iterable[PersonFacts]) -> ApprovalRule | None:
    """The rule a further approval by somebody with these grants would be counted for; None when it would fill none."""
    people = list(given)
    slots = [rule for rule in facts.rules.approvals for _ in range(rule.count)]
    newcomer = PersonFacts(-1, "", True, actor_grants)
    before, filled = match(slots, people, facts), match(slots, [*people, newcomer], facts)
    if len(filled) == len(before):
        return None
    return next((slots[slot] for slot, person in filled.items() if person == len(people)), None)


def may_view(actor: Actor, facts: RequestFacts) -> Decision:
    """Those who see the endpoint's team, and those whom a rule of the request names."""
    teams = access.visible_teams(actor, Permission.ENDPOINTS_VIEW)
    rules = (*facts.rules.approvals, *(facts.rules.bypass.by if facts.rules.bypass else ()))
    named = access.in_scope(actor, Permission.ENDPOINTS_VIEW) and any(fits(rule, actor.grants, facts) for rule in rules)
    if teams is None or facts.team_id in teams or named:
        return ALLOWED
    return refused("not_found", "This does not exist, or you may not see it.")


def may_decide(actor: Actor, facts: RequestFacts) -> Decision:
    """Whether the actor may approve, request changes or reject; requester and uploader are never exempt."""
    if not actor.is_person:
        return refused("only_people_decide", "Tokens may ask for a promotion, but only people decide, in a session.")
    why = excluded(actor.person_id, facts)
    if why:
        return refused("four_eyes", f"You {to_you(why)}. Somebody else has to decide.")
    if not any(fits(rule, actor.grants, facts) for rule in facts.rules.approvals):
        wanted = ", ".join(rule.name for rule in facts.rules.approvals) or "nobody"
        return refused(
            "no_rule_for_you", f"This request is decided by: {wanted}. An administrator can grant you the role."
        )
    return ALLOWED


def to_you(why: str) -> str:
    """A reason that says what somebody did, as it is told to them."""
    said = why.replace("asked for it,", "asked for this,").replace(
        "registered the version,", "registered this version,"
    )
    return said.replace("shares the", "share the").replace(", so cannot", ", so you cannot")


def may_comment(actor: Actor, facts: RequestFacts) -> Decision:
    if any(fits(rule, actor.grants, facts) for rule in facts.rules.approvals) and actor.is_person:
        return ALLOWED
    return access.may(actor, Permission.PROMOTIONS_COMMENT, facts.team_id)
