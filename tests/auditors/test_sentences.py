"""Sentences of the log: done is said as done, refused as tried."""

import pytest

from portal.audit import verbs
from portal.auditors.selectors import sentences


@pytest.mark.parametrize(
    ("outcome", "data", "words"),
    [
        ("success", {"rule": "ML lead"}, "Ada approved churn v2 as ML lead"),
        ("denied", {"rule": "ML lead", "code": "own_request"}, "Ada tried to approve churn v2 as ML lead"),
        ("denied", {}, "Ada tried to approve churn v2"),
        ("failed", {"rule": "ML lead", "code": "stale"}, "Ada tried to approve churn v2 as ML lead"),
        ("failed", {"rule": "ML lead"}, "Ada approved churn v2 as ML lead"),
    ],
)
def test_a_refusal_is_an_attempt(outcome: str, data: dict[str, str], words: str) -> None:
    assert sentences.sentence("promotion.approved", "Ada", "churn v2", data, outcome) == words


def test_a_token_begins_a_sentence_and_a_name_stays_as_it_is_written() -> None:
    said = sentences.sentence("promotion.submitted", "token “ci” of vera", "x", {})
    assert said == "Token “ci” of vera asked for x"
    assert sentences.sentence("promotion.submitted", "vera", "x", {}) == "vera asked for x"
    assert sentences.sentence("promotion.promoted", "vera", "token", {}) == "token was promoted"


def test_a_rollout_that_was_not_taken_back_reads_as_an_attempt() -> None:
    said = sentences.sentence("rollout.abort_started", "Ada", "Promotion 3", {"code": "out_of_scope"}, "denied")
    assert said == "Ada tried to take Promotion 3 back"


def test_an_unknown_verb_reads_as_its_name() -> None:
    assert sentences.sentence("gone.away", "Ada", "x", {}) == "Ada: gone.away x"
    assert sentences.sentence("gone.away", "Ada", "x", {}, "denied") == "Refused: Ada: gone.away x"


@pytest.mark.parametrize("name", sorted(verbs.VERBS))
def test_every_act_can_be_said_as_an_attempt(name: str) -> None:
    template = verbs.VERBS[name].sentence
    if any(words in template for words in sentences.IN_VAIN):
        assert sentences.attempt(template) == template
    elif template.startswith("{actor} "):
        assert sentences.attempt(template).startswith("{actor} tried to "), template
    else:
        assert sentences.attempt(template) == f"Refused: {template}"
