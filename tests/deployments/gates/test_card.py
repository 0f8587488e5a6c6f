"""The gate on the model card: on plain facts."""

from typing import Any

import pytest

from deployments.gates import card, catalogue
from deployments.gates.facts import GateFacts
from deployments.models import PromotionRequest
from deployments.services import promotions
from portal.accounts.models import Person
from portal.core.errors import BadInput, NotAllowed, Refused, Stale
from registry.cards.compose import Card, Claim, Text, compose
from registry.cards.sections import SECTIONS
from registry.models import RegisteredModel
from registry.selectors import cards as read
from registry.services import cards
from registry.services import models as registered
from tests import world
from tests.deployments.conftest import Line

TEXT = Text("Known.", "Priya", "2026-11-01T00:00:00+00:00", 3)


def made(tier: str, *without: str) -> Card:
    keys = [one.key for one in SECTIONS if one.key not in without]
    claims = {key: [Claim("What", "so")] for key in keys}
    return compose(model="m", version=3, tier=tier, owner="Olga", claims=claims, texts=dict.fromkeys(keys, TEXT))


@pytest.mark.parametrize(
    ("found", "limits", "verdict", "says"),
    [
        (None, {}, "unknown", "not read"),
        (made("high"), {}, "pass", "Every required"),
        (made("high", "risks"), {}, "fail", "Risks (Olga)"),
        (made("low", "risks"), {}, "pass", "Every required"),
        (made("low", "risks"), {"tier": "high"}, "fail", "Risks (Olga)"),
        (made("low", "risks"), {"sections": ["risks"]}, "fail", "Risks (Olga)"),
        (made("high", "risks"), {"tier": "low"}, "pass", "Every required"),
    ],
)
def test_what_is_required_has_to_be_known(found: Card | None, limits: dict[str, Any], verdict: str, says: str) -> None:
    answer = card.answer(GateFacts(3, "m", 2, card=found), limits)
    assert (answer.verdict, says in answer.sentence) == (verdict, True), answer
    assert answer.pin == (found.digest if found else "")


def test_the_evidence_holds_the_digest_of_the_card() -> None:
    one, other = made("high"), made("high", "risks")
    said = [catalogue.answers(GateFacts(3, "m", 2, card=found), {"card": {}})[0] for found in (one, other)]
    assert [row["pin"] for row in said] == [one.digest, other.digest]
    assert said[1]["link"] == "/models/m/versions/3/#card"


@pytest.mark.parametrize("given", [{"more": 1}, {"sections": ["poetry"]}, {"sections": []}, {"tier": "highest"}])
def test_wrong_limits_are_named(given: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match=r"gates\.card"):
        catalogue.read({"card": given})


def wrote(row: PromotionRequest, who: Person, section: str, text: str) -> PromotionRequest:
    """The request as it stands after somebody wrote a section of its version's card."""
    shown = next(one for one in read.of(row.version).sections if one.section.key == section)
    cards.write(
        actor=world.actor(who), model=row.version.model.name, number=row.version.number, section=section,
        text=text, seen=shown.seen,
    )  # fmt: skip
    promotions.settle(row.pk)
    row.refresh_from_db()
    return row


@pytest.fixture
def gated(line: Line) -> Line:
    """A model of the low tier with an owner, whose versions were scanned, where the card is asked for."""
    world.production(gates={"card": {}})
    model = RegisteredModel.objects.get(pk=line.model.pk)
    registered.edit(actor=world.actor(line.marta), name=model.name, description="", tier="low", owner_id=line.priya.pk)
    world.scanned(line.model.versions.get(number=2))
    return line


def test_nobody_approves_before_the_card_is_complete_nor_who_completed_it(gated: Line) -> None:
    row = gated.submit(2)
    with pytest.raises(Refused, match="Intended use"):
        gated.approve(row, gated.marta)
    row = wrote(row, gated.marta, "intended_use", "Warns passengers.")
    assert next(one for one in row.evidence["checks"] if one["code"] == "card")["verdict"] == "pass"
    with pytest.raises(NotAllowed, match="wrote intended_use in the card"):
        gated.approve(row, gated.marta)
    gated.approve(row, gated.daniel)


def test_a_card_that_changes_after_an_approval_voids_it(gated: Line) -> None:
    wrote(gated.submit(2), gated.priya, "intended_use", "Warns passengers.")
    row = PromotionRequest.objects.get()
    gated.approve(row, gated.daniel)
    before = row.evidence_digest
    row = wrote(row, gated.priya, "limitations", "Fails in storms.")
    assert row.evidence_digest != before
    with pytest.raises(Stale):
        promotions.approve(actor=world.actor(gated.daniel), number=row.pk, seen=before)
