"""One is said as one."""

from deployments.analysis import telling
from deployments.analysis.assess import Answer, Verdict
from deployments.analysis.guards import Judged
from deployments.analysis.rates import Range


def judged(n: int, needed: int | None = None, answer: Answer = "inconclusive") -> Judged:
    return Judged("errors", Verdict(answer, 0.1, Range(0.0, 0.2), 0.05, n, needed))


def test_a_sentence_counts_requests() -> None:
    assert telling.sentence(judged(1)).endswith("after 1 request")
    assert telling.sentence(judged(0)).endswith("after 0 requests")
    assert telling.sentence(judged(1240)).endswith("after 1\u202f240 requests")


def test_what_is_missing_is_counted_alike() -> None:
    assert telling.missing(judged(9, 1)) == "about 1 more request"
    assert telling.missing(judged(9, 20)) == "about 20 more requests"
