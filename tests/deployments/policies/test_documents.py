"""Policies as YAML: what is exported can be applied, and applying twice changes nothing."""

import pytest

from deployments.models import PolicyVersion
from deployments.policies import documents, rules
from deployments.services import policies
from portal.core.errors import BadInput, Conflict, PortalError
from tests import world
from tests.deployments.policies.conftest import Office


def test_what_is_written_is_read_again() -> None:
    entries = [
        documents.Entry("production", "", {"approvals": [], "gates": {"quality": {"metric": "no"}}}),
        documents.Entry("staging", "high", {"from": "2026-12-24", "words": "Grüße: ja"}),
    ]
    assert documents.read(documents.write([("a", entries[0]), ("b", entries[1])])) == entries


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: &a [1]\npolicies: *a", "aliases"),
        ("policies: []\npolicies: []", "stands twice"),
        ("policies: [", "not YAML"),
        ("", "exactly one member"),
        ("policies: {}", "exactly one member"),
        ("policies: [{environment: production}]", "policies[0] needs"),
        ("policies: [{environment: 3, rules: {}}]", "are text"),
        ("policies: [{environment: a, rules: {}}, {environment: a, rules: {}}]", "a without a tier stands twice"),
        ("policies: !!python/object/apply:os.system ['true']", "not YAML"),
        ("x" * 200_001, "longer"),
        ("[" * 5_000, "not YAML"),
    ],
)
def test_bad_text_is_named(text: str, says: str) -> None:
    with pytest.raises(BadInput) as refusal:
        documents.read(text)
    assert says in refusal.value.message


def test_dates_stay_text_and_rules_are_an_object() -> None:
    assert documents.rules("from: 2026-12-24") == {"from": "2026-12-24"}
    with pytest.raises(BadInput):
        documents.rules("- a")


def test_applying_twice_changes_nothing(office: Office) -> None:
    alex, text = world.actor(office.alex), policies.export()
    assert "# production@1" in text
    assert {one.outcome for one in policies.apply(actor=alex, text=text)} == {"equal"}
    other = text.replace("request_days: 7", "request_days: 5")
    rehearsed = policies.apply(actor=alex, text=other, dry_run=True)
    assert [(one.environment, one.outcome, one.change) for one in rehearsed] == [
        ("staging", "equal", None), ("production", "proposed", None),
    ]  # fmt: skip
    assert PolicyVersion.objects.filter(status="proposed").count() == 0
    [_, first] = policies.apply(actor=alex, text=other, why="Five is enough.")
    [_, second] = policies.apply(actor=alex, text=other)
    assert (first.outcome, second.outcome, second.change) == ("proposed", "proposed_already", first.change)
    row = PolicyVersion.objects.get(status="proposed")
    office.approve(row)
    assert {one.outcome for one in policies.apply(actor=alex, text=other)} == {"equal"}


def test_a_file_is_applied_whole_or_not_at_all(office: Office) -> None:
    text = (
        policies.export().replace("request_days: 14", "request_days: 13").replace("request_days: 7", "request_days: 0")
    )
    with pytest.raises(BadInput, match="request_days"):
        policies.apply(actor=world.actor(office.alex), text=text)
    assert PolicyVersion.objects.exclude(status="in_force").count() == 0
    office.draft(request_days=2)
    with pytest.raises(Conflict, match="under way"):
        policies.apply(actor=world.actor(office.rosa), text=policies.export().replace("days: 7", "days: 6"))


def test_only_who_may_draft_applies(office: Office) -> None:
    with pytest.raises(PortalError):
        policies.apply(actor=world.actor(world.person("Vera")), text="policies: []")


def test_gates_that_are_asked_of_the_same_models_are_said_together() -> None:
    gates = {"card": {"models": ["churn"]}, "incidents": {}, "artifact": {"models": ["churn"]}, "data_checks": {}}
    said = [line for line in rules.in_words(rules.Rules((), 7, 72, (), 24, gates)) if line.startswith("Must pass")]
    assert said == [
        "Must pass its gates before anybody can approve: data checks, no open severe incident",
        "Must pass its gates before anybody can approve, models churn: artifact scan and signature, model card",
    ]
