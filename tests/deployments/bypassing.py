"""What tests of bypasses share: rules that allow one, and the verbs with their second look."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from deployments.models import Bypass, PromotionRequest
from deployments.services import bypasses
from portal.accounts.models import Person
from portal.core import clock
from portal.core.actors import Actor
from tests import world
from tests.deployments.conftest import Line

RULE = {
    "by": [{"name": "Head of risk", "role": "ml_lead", "team": "other", "count": 1}],
    "hours": 4,
    "review_hours": 24,
    "gates": "all",
}
QUALITY = {"quality": {"metric": "roc_auc", "margin": 0.01}}


CLOCKED = {
    "bypass": RULE | {"by": [{"name": "ML lead", "role": "ml_lead", "team": None, "count": 1}]},
    "freezes": [{"name": "Ice age", "from": "2020-01-01T00:00Z", "to": "2100-01-01T00:00Z"}],
}
"""Rules under which a freeze, which an ML lead can bypass, is in the way of everything."""


def asked_in_a_freeze(row: PromotionRequest, actor: Actor) -> Bypass:
    return bypasses.ask(
        actor=actor, number=row.pk, seen=row.evidence_digest, gates=["freeze"], reason="It melts already."
    )


def blocked(line: Line, *, rule: Any = None, **rules: Any) -> PromotionRequest:
    """A request of version 1 that the quality gate blocks, under rules that let Olga's team grant a bypass."""
    world.production(**{"gates": QUALITY, "bypass": RULE if rule is None else rule} | rules)
    return line.submit(1)


def ask(line: Line, row: PromotionRequest, *gates: str, who: Person | None = None, **more: Any) -> Bypass:
    row.refresh_from_db()
    return bypasses.ask(
        actor=world.actor(who or line.priya),
        number=row.pk,
        seen=row.evidence_digest,
        gates=list(gates) or ["quality"],
        reason="Calls fail in v0.",
        **more,
    )


def grant(bypass: Bypass, who: Person) -> Bypass:
    actor = world.actor(who)
    world.step_up(actor, bypasses.binding(bypass))
    return bypasses.grant(actor=actor, number=bypass.pk, seen=bypass.evidence_digest)


def used(line: Line) -> Bypass:
    """Asked by Priya, granted by Olga, used: version 1 rolls out past the quality gate."""
    row = blocked(line)
    bypass = grant(ask(line, row), line.olga)
    for person in (line.marta, line.daniel):
        line.approve(row, person)
    bypass.refresh_from_db()
    return bypass


@contextmanager
def later(hours: float) -> Iterator[None]:
    """The database's clock, some hours on."""
    now = clock.now
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "now", lambda: now() + timedelta(hours=hours))
        yield
