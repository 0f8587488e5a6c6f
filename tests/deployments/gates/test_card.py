"""The gate on the model card: on plain facts."""

from typing import Any

import pytest

from deployments.gates import card, catalogue
from deployments.gates.facts import GateFacts
from portal.core.errors import BadInput
from registry.cards.compose import Card, Claim, Text, compose
from registry.cards.sections import SECTIONS

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
