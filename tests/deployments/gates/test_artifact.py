"""The gate on scan and signature: on plain facts, and in the way of a promotion."""

from dataclasses import replace
from typing import Any

import pytest

from deployments.gates import artifact, catalogue
from deployments.gates.facts import ArtifactFacts, GateFacts
from deployments.models import PromotionRequest
from deployments.services import promotions
from portal.core import work
from portal.core.errors import BadInput, Refused
from registry.models import RegisteredModel
from registry.scanning.outcomes import RULES_VERSION
from tests import world
from tests.deployments.conftest import Line

CLEAN = ArtifactFacts("clean", 2, 2, 7, waits=False)
NOTHING: dict[str, Any] = {"allow": {}}
CODE: dict[str, Any] = {"allow": {"code": "needs_review"}}
FOUND = replace(CLEAN, outcome="unknown", kinds=("code",), worst="model.pkl: Loading it imports its own class.")


@pytest.mark.parametrize(
    ("found", "limits", "verdict", "says"),
    [
        (CLEAN, NOTHING, "pass", "7 files"),
        (None, NOTHING, "unknown", "never scanned"),
        (ArtifactFacts("not_scanned", 0, 2, 0, waits=False), CODE, "unknown", "never scanned"),
        (ArtifactFacts("not_scanned", 0, 2, 0, waits=True), NOTHING, "running", "under way"),
        (replace(CLEAN, rules=1), NOTHING, "unknown", "older rules"),
        (replace(CLEAN, rules=1, waits=True), NOTHING, "running", "under way"),
        (replace(CLEAN, waits=True), NOTHING, "pass", "7 files"),
        (replace(CLEAN, broken=("It was signed for the model card-fraud.",)), CODE, "fail", "card-fraud"),
        (replace(FOUND, outcome="dangerous"), CODE, "fail", "must not serve"),
        (FOUND, NOTHING, "unknown", "admit no such file"),
        (FOUND, CODE, "needs_review", "run code when loaded"),
        (replace(FOUND, kinds=("code", "unread")), CODE, "unknown", "admit no such file"),
        (replace(FOUND, kinds=("", "code")), CODE, "unknown", "admit no such file"),
        (replace(FOUND, outcome="not_scanned", kinds=("unread",)), CODE, "unknown", "admit no such file"),
        (
            replace(FOUND, outcome="not_scanned", kinds=("unread",)),
            {"allow": {"unread": "needs_review"}},
            "needs_review",
            "nobody here reads",
        ),
    ],
)
def test_only_clean_and_signed_passes(
    found: ArtifactFacts | None, limits: dict[str, Any], verdict: str, says: str
) -> None:
    answer = artifact.answer(GateFacts(3, "flight-delay", 2, artifact=found), limits)
    assert (answer.verdict, says in answer.sentence) == (verdict, True), answer
    assert answer.link == "/models/flight-delay/versions/3/#artifact"


@pytest.mark.parametrize(
    "given",
    [{"more": 1}, {"allow": ["code"]}, {"allow": {"danger": "needs_review"}}, {"allow": {"code": "pass"}}],
)
def test_wrong_limits_are_named(given: dict[str, Any]) -> None:
    with pytest.raises(BadInput) as refused:
        catalogue.read({"artifact": given})
    assert next(iter(refused.value.fields or {})).startswith("gates.artifact.")


def check(row: PromotionRequest) -> dict[str, Any]:
    promotions.settle(row.pk)
    row.refresh_from_db()
    return next(one for one in row.evidence["checks"] if one["code"] == "artifact")


@pytest.fixture
def gated(line: Line) -> Line:
    world.production(gates={"artifact": CODE})
    return line


def test_a_version_waits_for_its_scan_and_then_goes_through(gated: Line) -> None:
    row = gated.submit(2)
    assert check(row)["verdict"] == "unknown"
    with pytest.raises(Refused, match="never scanned"):
        gated.approve(row, gated.marta)
    world.scanned(row.version)
    assert check(row)["verdict"] == "pass"


def test_what_runs_code_is_looked_at_and_what_harms_stays_out(gated: Line) -> None:
    row = gated.submit(2)
    world.scanned(row.version, "unknown", "pickle.unlisted_import")
    assert check(row)["verdict"] == "needs_review"
    world.scanned(row.version, "dangerous", "pickle.forbidden_import")
    assert check(row)["verdict"] == "fail"
    with pytest.raises(Refused, match="must not serve"):
        gated.approve(row, gated.marta)


def test_newer_rules_ask_for_another_scan(gated: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    row = gated.submit(2)
    world.scanned(row.version)
    assert check(row)["verdict"] == "pass"
    monkeypatch.setattr("deployments.selectors.gate_facts.RULES_VERSION", RULES_VERSION + 1)
    assert check(row)["verdict"] == "unknown"


def test_a_statement_about_another_name_fails(gated: Line) -> None:
    """The row is carried to another model by somebody who can write the database."""
    row = gated.submit(2)
    world.scanned(row.version)
    RegisteredModel.objects.filter(pk=row.version.model_id).update(team=world.team("other"))
    found = promotions.frozen.evidence_now(PromotionRequest.objects.get(pk=row.pk))["checks"]
    answer = next(one for one in found if one["code"] == "artifact")
    assert (answer["verdict"], "signed for the team flights" in answer["note"]) == ("fail", True)


def test_where_no_rule_asks_nothing_changes(line: Line) -> None:
    world.scanned(line.model.versions.get(number=2), "unknown", "pickle.unlisted_import")
    row = line.submit(2)
    work.drain()
    row.refresh_from_db()
    assert "artifact" not in {one["code"] for one in row.evidence["checks"]}
