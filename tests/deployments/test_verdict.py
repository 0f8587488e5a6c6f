"""Four eyes as a pure function: who counts, for which rule, and what is still missing."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.policies import promotion as policy
from deployments.policies.promotion import ApprovalFacts, PersonFacts, RequestFacts
from deployments.policies.rules import DEFAULTS, ApprovalRule, Rules, parse
from portal.core.actors import Actor, Grant
from portal.core.errors import BadInput

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LEAD = Grant("ml_lead", 1)
RISK = Grant("ml_lead", 2)


def rules(*approvals: ApprovalRule) -> Rules:
    return Rules(approvals, 7, 72, ("password",), 72)


def facts(*approvals: ApprovalRule) -> RequestFacts:
    return RequestFacts(12, "pending_review", 1, 100, 101, rules(*approvals), {"risk": 2}, "sha256:aa", 1)


def person(pk: int, *grants: Grant, active: bool = True) -> PersonFacts:
    return PersonFacts(pk, f"Person {pk}", active, frozenset(grants))


def approval(who: PersonFacts, *, at: datetime = NOW, digest: str = "sha256:aa", revision: int = 1) -> ApprovalFacts:
    return ApprovalFacts(who, at, digest, revision)


TWO = (ApprovalRule("ML lead", "ml_lead", None, 1), ApprovalRule("Model risk", "ml_lead", "risk", 1))


def test_two_rules_need_two_people() -> None:
    both = person(1, LEAD, RISK)
    one = policy.verdict(facts(*TWO), [approval(both)], [both], NOW)
    assert not one.satisfied
    assert one.have == 1
    two = policy.verdict(facts(*TWO), [approval(both), approval(person(2, LEAD))], [both], NOW)
    assert two.satisfied
    assert two.missing == ()


def test_matching_does_not_strand_a_rule_that_greedy_assignment_would() -> None:
    both, only_lead = person(1, LEAD, RISK), person(2, LEAD)
    for order in ([both, only_lead], [only_lead, both]):
        assert policy.verdict(facts(*TWO), [approval(p) for p in order], order, NOW).satisfied


@pytest.mark.parametrize(
    ("given_", "why"),
    [
        (approval(person(1, LEAD), digest="sha256:bb"), "the evidence changed"),
        (approval(person(1, LEAD), revision=2), "the evidence changed"),
        (approval(person(1, LEAD), at=NOW - timedelta(hours=72)), "it is older than 3 days"),
        (approval(person(1, LEAD, active=False)), "the account is disabled"),
        (approval(person(100, LEAD)), "asked for it, so cannot approve it"),
        (approval(person(101, LEAD)), "registered the version, so cannot approve it"),
    ],
)
def test_an_approval_that_no_longer_counts_says_why(given_: ApprovalFacts, why: str) -> None:
    found = policy.verdict(facts(TWO[0]), [given_], [], NOW)
    assert not found.satisfied
    assert found.lapsed == ((given_.person.label, why),)


def test_somebody_who_lost_the_role_no_longer_counts() -> None:
    assert not policy.verdict(facts(TWO[0]), [approval(person(1, Grant("viewer", 1)))], [], NOW).satisfied


def test_a_lead_of_another_team_fills_no_rule_of_this_team() -> None:
    assert not policy.verdict(facts(TWO[0]), [approval(person(1, Grant("ml_lead", 9)))], [], NOW).satisfied
    assert policy.verdict(facts(TWO[0]), [approval(person(1, Grant("ml_lead", None)))], [], NOW).satisfied


def test_what_is_missing_names_who_can_give_it() -> None:
    found = policy.verdict(facts(TWO[0]), [], [person(1, LEAD), person(100, LEAD)], NOW)
    assert found.missing == ("1 more approval as ML lead: Person 1",)
    assert found.lines[0].cannot == (("Person 100", "asked for it, so cannot approve it"),)


def test_no_rule_means_nothing_is_missing() -> None:
    assert policy.verdict(facts(), [], [], NOW).satisfied


def actor(pk: int, *grants: Grant, kind: str = "user", scopes: frozenset[str] | None = None) -> Actor:
    return Actor(kind=kind, id=f"person:{pk}", label="x", person_id=pk, grants=frozenset(grants), scopes=scopes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("who", "code"),
    [
        (actor(1, LEAD), ""),
        (actor(100, LEAD), "four_eyes"),
        (actor(101, LEAD), "four_eyes"),
        (actor(1, Grant("administrator")), "no_rule_for_you"),
        (actor(1, LEAD, kind="token", scopes=frozenset({"promote"})), "only_people_decide"),
    ],
)
def test_who_may_decide(who: Actor, code: str) -> None:
    decision = policy.may_decide(who, facts(TWO[0]))
    assert (decision.code, bool(decision)) == (code, code == "")


grant_sets = st.frozensets(st.sampled_from([LEAD, RISK, Grant("ml_lead", None), Grant("viewer", 1)]), max_size=3)


@given(st.lists(grant_sets, max_size=5), st.integers(0, 2), st.integers(0, 2))
def test_one_person_fills_one_slot_and_never_an_unfit_one(sets: list[frozenset[Grant]], a: int, b: int) -> None:
    wanted = [ApprovalRule("A", "ml_lead", None, a)] * bool(a) + [ApprovalRule("B", "ml_lead", "risk", b)] * bool(b)
    request = facts(*wanted)
    people = [PersonFacts(n, str(n), True, grants) for n, grants in enumerate(sets)]
    slots = [rule for rule in wanted for _ in range(rule.count)]
    filled = policy.match(slots, people, request)
    assert len(set(filled.values())) == len(filled)
    assert all(policy.fits(slots[slot], people[p].grants, request) for slot, p in filled.items())
    assert len(filled) == brute_force(slots, people, request)


def brute_force(slots: list[ApprovalRule], people: list[PersonFacts], request: RequestFacts) -> int:
    if not slots:
        return 0
    best = brute_force(slots[1:], people, request)
    for index, who in enumerate(people):
        if policy.fits(slots[0], who.grants, request):
            best = max(best, 1 + brute_force(slots[1:], people[:index] + people[index + 1 :], request))
    return best


@pytest.mark.parametrize("name", sorted(DEFAULTS))
def test_default_rules_are_valid(name: str) -> None:
    assert parse(DEFAULTS[name]).step_up


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"approvals": "two"}, "approvals"),
        ({"approvals": [{"name": "x", "role": "king", "team": None, "count": 1}]}, "approvals[0].role"),
        ({"approvals": [{"name": "x", "role": "ml_lead", "team": None, "count": 0}]}, "approvals[0].count"),
        ({"request_days": True}, "request_days"),
        ({"step_up": []}, "step_up"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_bad_rules_name_the_member(change: dict[str, object], field: str) -> None:
    with pytest.raises(BadInput) as refusal:
        parse(DEFAULTS["production"] | change)
    assert field in refusal.value.fields
