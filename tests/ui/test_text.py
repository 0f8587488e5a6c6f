"""Numbers look alike everywhere: one grouping, by the filter and by the functions behind it."""

import pytest
from django.template import Context, Template

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
