"""The example world in the running product, and the REST story told to it."""

import json
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from demo import people, shelf, traffic, world
from demo.client import Caller, Session
from tests.stack import PROJECT, Stack


@pytest.fixture
def author(stack: Stack) -> Iterator[Caller]:
    caller = Caller(stack.url, stack.tokens["data_scientist"])
    yield caller
    caller.http.close()


@contextmanager
def signed_in(stack: Stack, key: str) -> Iterator[Session]:
    email = next(person.email for person in people.PEOPLE if person.key == key)
    session = Session(stack.url, email, stack.people[key]["password"])
    try:
        yield session
    finally:
        session.http.close()


def test_what_scripts_read_is_complete_and_private(stack: Stack) -> None:
    file = stack.var / "demo.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    facts = json.loads(file.read_text())
    assert facts["url"] == stack.url
    assert facts["gateway_url"] == stack.gateway_url
    assert set(facts["people"]) == {person.key for person in people.PEOPLE}
    assert set(facts["tokens"]) == {"data_scientist", "operator", "auditor"}
    assert not (stack.var / "demo-cache" / "people.json").exists()


def test_everybody_can_sign_in(stack: Stack) -> None:
    for person in people.PEOPLE:
        with signed_in(stack, person.key) as session:
            assert session.get("/api/v1/me/")["name"] == person.name


def test_two_promotions_are_done_and_the_third_waits_for_the_ml_lead(stack: Stack, author: Caller) -> None:
    rows = author.every("/api/v1/promotions/", model="flight-delay")
    assert {row["version"]: row["status"] for row in rows} == {1: "promoted", 2: "promoted", 3: "pending_review"}
    waiting = next(row for row in rows if row["version"] == 3)
    detail = author.get(f"/api/v1/promotions/{waiting['number']}/")
    assert [approval["reviewer"]["name"] for approval in detail["approvals"]] == ["Daniel Osei"]
    with signed_in(stack, "ml_lead") as marta:
        assert waiting["number"] in [row["number"] for row in marta.get("/api/v1/inbox/")["results"]]


def test_the_request_that_waits_rests_on_gates(author: Caller) -> None:
    waiting = next(row for row in author.every("/api/v1/promotions/", model="flight-delay") if row["version"] == 3)
    checks = {one["code"]: one for one in author.get(f"/api/v1/promotions/{waiting['number']}/")["evidence"]["checks"]}
    assert set(world.RULES["gates"]) <= set(checks)
    assert {one["verdict"] for one in checks.values()} <= {"pass", "needs_review"}
    quality = checks["quality"]
    assert 0 < quality["low"] < quality["value"] < quality["high"] < 0.02
    assert quality["sample"] == 27_075
    assert (checks["data_checks"]["verdict"], "flights-training v2" in checks["data_checks"]["note"]) == (
        "needs_review",
        True,
    )


def test_each_version_has_a_complete_card(author: Caller) -> None:
    for number in (1, 2, 3):
        card = author.get(f"/api/v1/models/flight-delay/versions/{number}/card/")
        assert card["complete"], card["missing"]
        limits = next(section for section in card["sections"] if section["key"] == "limitations")
        assert limits["written"]["version"] == number


def test_each_version_was_evaluated_against_the_one_that_served(author: Caller) -> None:
    found = author.every("/api/v1/evaluations/", model="flight-delay")
    assert {(row["version"], row["baseline"]): row["status"] for row in found} == {
        (1, None): "done", (2, 1): "done", (3, 2): "done",
    }  # fmt: skip
    newest = next(row for row in found if row["version"] == 3)
    results = author.get(f"/api/v1/evaluations/{newest['number']}/report/")["results"]
    declared = {one["name"]: one["answer"] for one in results["slices"]["results"] if one["kind"] == "declared"}
    assert declared == dict.fromkeys(("origin = EWR", "origin = JFK", "origin = LGA"), "not worse")
    assert results["comparison"]["cost"]["difference"] < 0


def test_the_champion_predicted_all_flights_of_june(author: Caller) -> None:
    (row,) = author.every("/api/v1/batch-predictions/", model="flight-delay")
    assert (row["version"], row["data_set"], row["status"], row["rows"]) == (2, "flights-june", "done", 27_075)
    assert row["serving"] == [{"environment": "production", "endpoint": "flight-delay", "role": "champion"}]


def test_data_leads_to_what_was_made_of_it(author: Caller) -> None:
    for one in shelf.VERSIONS:
        found = author.get(f"/api/v1/data-sets/{one.data_set}/versions/{one.number}/")
        made = {version for use in found["uses"] for version in use["versions"]}
        wanted = {shelf.HOLDOUT.data_set: {1, 2, 3}}.get(one.data_set, {1: {1, 2}, 2: {3}}[one.number])
        assert made >= {f"flight-delay/{number}" for number in wanted}, found["uses"]
    resting = author.get("/api/v1/data-sets/flights-june/versions/1/usage/")
    assert {(one["endpoint"], one["version"], one["role"]) for one in resting["endpoints"]} >= {
        ("production/flight-delay", 2, "champion"),
        ("production/flight-delay", 1, "rollback target"),
    }
    assert {1, 2, 3} <= {row["version"] for row in resting["promotions"] if row["model"] == "flight-delay"}


def test_nobody_who_decided_asked_or_registered(author: Caller) -> None:
    for row in author.every("/api/v1/promotions/", model="flight-delay"):
        detail = author.get(f"/api/v1/promotions/{row['number']}/")
        assert row["requester"]["name"] == "Priya Nair"
        assert "Priya Nair" not in [approval["reviewer"]["name"] for approval in detail["approvals"]]


def test_the_second_version_answers_and_the_first_is_warm(stack: Stack, author: Caller) -> None:
    endpoint = author.get("/api/v1/endpoints/production/flight-delay/")["endpoint"]
    assert endpoint["stable"]["version"] == 2
    assert (endpoint["previous"]["version"], endpoint["previous"]["status"]) == (1, "ready")
    with httpx.Client() as client:
        url = f"{stack.gateway_url}/production/flight-delay/invocations"
        tally = traffic.replay(client, url, traffic.records(stack.var / "demo-cache", 7, 50), 200)
    assert tally.versions == {("2", "stable"): 50}


def test_building_again_changes_nothing(stack: Stack, author: Caller) -> None:
    before = author.every("/api/v1/promotions/", model="flight-delay")
    facts = (stack.var / "demo.json").read_text()
    stack.manage("shell", "-c", "import sys; from demo.world import main; sys.exit(main())")
    assert author.every("/api/v1/promotions/", model="flight-delay") == before
    assert (stack.var / "demo.json").read_text() == facts


def test_the_story_by_rest_alone_ends_in_a_log_that_verifies(stack: Stack, tmp_path: Path) -> None:
    script = [sys.executable, "docs/examples/rest_story.py", str(stack.var / "demo.json"), str(tmp_path)]
    told = subprocess.run(script, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "Versions that answered, in order: 1, 2, 1." in told.stdout
    assert "A token that tries to approve is answered 403" in told.stdout
    verify = [
        sys.executable,
        "tools/signalbox_audit_verify.py",
        str(tmp_path / "signalbox-audit.zip"),
        "--vkey",
        str(stack.var / "checkpoints" / "vkey"),
    ]
    verified = subprocess.run(verify, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert verified.returncode == 0, verified.stdout + verified.stderr
