"""Numbers look alike everywhere: one grouping, by the filter and by the functions behind it."""

import pytest
from django.template import Context, Template

from deployments.engine import numbers
from portal.ui import text

THIN = text.THIN


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0, "0"),
        (999, "999"),
        (3708, f"3{THIN}708"),
        (15_627, f"15{THIN}627"),
        (1_234_567, f"1{THIN}234{THIN}567"),
        (-3708, f"\u22123{THIN}708"),
    ],
)
def test_digits_stand_in_groups_of_three(number: int, shown: str) -> None:
    assert text.number(number) == shown
    page = Template("{% load ui %}{{ n|thousands }} {{ n|metric }}")
    assert page.render(Context({"n": number})) == f"{shown} {shown}"
    assert text.number(number + 0.25 if number > 0 else number, 2).partition(".")[0] == shown


def test_sentences_of_rollouts_write_numbers_as_pages_do() -> None:
    for amount in (0, 7, 999, 1_000, 12_345, 1_234_567):
        assert numbers.count(amount) == text.number(amount)
    for share in (0.0, 0.0094, 0.25, 0.9999, 12.5):
        assert numbers.percent(share) == text.percent(share)
        assert numbers.percent(share, 0) == text.percent(share, 0)
