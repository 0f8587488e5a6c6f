"""Moments of a rollout: a share that somebody's word brought says whose."""

from datetime import UTC, datetime, timedelta

import pytest

from deployments.selectors import moments
from deployments.selectors.moments import Moment
from deployments.services import rollouts
from tests import world
from tests.deployments.conftest import Line
from tests.deployments.rolling import Rolling

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def told(*kinds: str) -> list[Moment]:
    """`>` is a share, `Ada!` an act of Ada's that moves, `Ada` one that does not, `!` one of the portal's own."""
    return [
        Moment(NOON + timedelta(minutes=at), "play", "info", kind, "" if kind == ">" else kind.rstrip("!"),
               moves=kind.endswith("!"), share=kind == ">")
        for at, kind in enumerate(kinds)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("kinds", "orderer", "shares"),
    [
        ((">", ">"), "", ["", ""]),
        ((">", "Ada", "Tom!", ">", ">"), "", ["", "Tom", ""]),
        ((">", "Ada!", ">"), "", ["", "Ada"]),
        ((">", "Ada", ">"), "", ["", ""]),
        ((">", "Ada!", "!", ">"), "", ["", ""]),
        ((">", ">"), "Ada", ["Ada", ""]),
    ],
)
def test_a_share_is_of_whoever_s_word_brought_it(kinds: tuple[str, ...], orderer: str, shares: list[str]) -> None:
    assert [one.who for one in moments.attributed(told(*kinds), orderer) if one.share] == shares


@pytest.mark.django_db
def test_what_a_second_person_and_an_abort_moved_is_not_by_itself(line: Line) -> None:
    rolling = Rolling(line).begin()
    number, step = rolling.row.pk, rolling.row.step
    for who in (line.marta, line.daniel):
        rollouts.advance(actor=world.actor(who), number=number, reason="The morning wave.", expect_step=step)
    rolling.look()
    rollouts.abort(actor=world.actor(line.marta), number=number, reason_code="quality")
    rolling.look()
    shares = [(one.what, one.who) for one in moments.of([rolling.row])[number] if one.share]
    assert shares == [("v2 to 10 %", ""), ("v2 to 50 %", "Daniel Osei"), ("v1 to 100 %", "Marta Kowalska")]
