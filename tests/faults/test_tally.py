"""The tally itself: what counts as a change of the version, and what was only under way."""

from tests.faults.load import Answer, Tally


def versions(*answers: tuple[float, float, str]) -> list[str]:
    return Tally([Answer(*answer) for answer in answers]).versions


def test_each_change_counts_once() -> None:
    assert versions((0, 1, "1"), (2, 3, "1"), (4, 5, "2"), (6, 7, "2"), (8, 9, "1")) == ["1", "2", "1"]


def test_what_was_under_way_at_the_change_is_no_change_back() -> None:
    assert versions((0, 1, "1"), (2.0, 4.0, "2"), (2.1, 4.1, "1"), (2.2, 4.2, "2"), (5, 6, "2")) == ["1", "2"]


def test_an_old_answer_to_a_request_sent_after_the_first_new_one_is_one() -> None:
    assert versions((0, 1, "1"), (2, 3, "2"), (3.5, 4, "1"), (5, 6, "2")) == ["1", "2", "1", "2"]


def test_the_first_new_answer_need_not_be_the_first_sent() -> None:
    assert versions((0, 1, "1"), (2.0, 9.0, "2"), (2.1, 3.0, "2"), (3.5, 4.0, "1")) == ["1", "2", "1"]
