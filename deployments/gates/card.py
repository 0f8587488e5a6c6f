"""The model card: every section that the risk tier requires is known."""

from typing import Any

from deployments.gates import limits as read
from deployments.gates.answers import GateAnswer, Limits, unknown
from deployments.gates.facts import GateFacts
from registry.cards.sections import BY_KEY, TIERS

LABEL = "Model card"


def limits(place: str, given: object) -> read.Json:
    """`sections`, a list of further sections that are required by their keys, and `tier`, the risk tier whose sections
    are required whatever the model's is (low, medium or high)."""
    found = read.known(place, given, "sections", "tier")
    kept: dict[str, Any] = {}
    if "sections" in found:
        kept["sections"] = read.names(f"{place}.sections", found["sections"])
        if wrong := sorted(set(kept["sections"]) - set(BY_KEY)):
            raise read.bad(f"{place}.sections", f"names {wrong[0]}, which is no section; there are {', '.join(BY_KEY)}")
    if "tier" in found:
        kept["tier"] = read.choice(place, found, "tier", TIERS, default="")
    return kept


def answer(facts: GateFacts, limits: Limits) -> GateAnswer:
    """Pass when no required section is missing; the digest of the card pins what was read."""
    card = facts.card
    if card is None:
        return unknown("complete", "Its card was not read.")
    tier, extra = str(limits.get("tier") or card.tier), tuple(limits.get("sections", ()))
    required = sum(one.section.required(tier) or one.section.key in extra for one in card.sections)
    missing = card.lacks(tier, extra)
    limit = f"all {required} sections of the {tier} tier" if not extra else f"all {required} required sections"
    said = "; ".join(f"{one.title} ({one.owner}): {one.why}" for one in missing)
    return GateAnswer(
        "fail" if missing else "pass",
        f"{required - len(missing)} of {required} known",
        limit,
        f"UNKNOWN: {said}" if missing else "Every required section is filled from a record or by a person.",
        sample=required,
        link=f"{card.link}#card",
        pin=card.digest,
    )
