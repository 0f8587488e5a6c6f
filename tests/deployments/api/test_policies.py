"""Policies over the API: drafting, replaying, deciding, the file."""

from collections.abc import Callable
from typing import Any

import pytest

from deployments.policies.rules import DEFAULTS
from deployments.services import policies as verbs
from portal.accounts.models import Person
from tests import world
from tests.callers import Caller
from tests.deployments.conftest import Line

Sessions = Callable[[Person], Caller]


@pytest.fixture
def alex(line: Line) -> Person:
    return world.person("Alex Admin", ("administrator", None))


@pytest.fixture
def rosa(line: Line) -> Person:
    return world.person("Rosa Admin", ("administrator", None))


def begin(caller: Any, **rules: Any) -> dict[str, Any]:
    held = next(p for p in caller.get("policies/").json()["results"] if p["name"] == "production")["in_force"]
    body = {"environment": "production", "rules": held["rules"] | rules, "why": "Three days are enough."}
    made = caller.post("policies/changes/", body)
    assert made.status_code == 201, made.content
    return dict(made.json())


def test_a_change_from_draft_to_force(alex: Person, rosa: Person, session: Sessions) -> None:
    admin, other = session(alex), session(rosa)
    row = begin(admin, request_days=3)
    path, seen = f"policies/changes/{row['id']}/", {"seen": row["digest"]}
    assert admin.get(f"{path}replay/").json()["sentence"].startswith("No promotion has passed here yet")
    dry = admin.post(f"{path}propose/", seen | {"dry_run": True}).json()
    assert dry == {"dry_run": True, "possible": True, "missing": []}
    assert admin.post(f"{path}propose/", seen).json()["status"] == "proposed"
    own = admin.post(f"{path}approve/", seen)
    assert (own.status_code, own.json()["code"]) == (403, "four_eyes")
    asked = other.post(f"{path}approve/", seen)
    assert (asked.status_code, asked.json()["code"]) == (403, "step_up_required")
    assert asked.json()["binding"] == verbs.binding(row["id"], row["digest"])
    stale = other.post(f"{path}approve/", {"seen": "sha256:0"})
    assert (stale.status_code, stale.json()["code"]) == (409, "change_edited")
    other.step_up(asked.json()["binding"])
    done = other.post(f"{path}approve/", seen).json()
    assert (done["name"], done["status"], done["approved_by"]["name"]) == ("production@2", "in_force", "Rosa Admin")
    assert [receipt["type"] for receipt in done["receipts"]][-1] == "policy.approved"


def test_a_token_proposes_and_never_approves(alex: Person, rosa: Person, session: Sessions, token: Any) -> None:
    robot = token(alex, "policies")
    row = begin(robot, request_days=3)
    path, seen = f"policies/changes/{row['id']}/", {"seen": row["digest"]}
    edited = robot.put(path, seen | {"rules": row["rules"] | {"request_days": 4}}).json()
    seen = {"seen": edited["digest"]}
    assert robot.post(f"{path}propose/", seen).json()["status"] == "proposed"
    own = session(alex).post(f"{path}approve/", seen)
    assert (own.status_code, own.json()["code"]) == (403, "four_eyes")
    theirs = token(rosa, "policies").post(f"{path}approve/", seen)
    assert (theirs.status_code, theirs.json()["code"]) == (403, "only_people_decide")
    assert session(rosa).post(f"{path}reject/", seen | {"comment": "Seven."}).json()["status"] == "rejected"


def test_what_is_wrong_is_named(alex: Person, session: Sessions) -> None:
    admin = session(alex)
    for body, status, field in (
        ({"environment": "production", "rules": DEFAULTS["production"] | {"approvals": 1}}, 422, "approvals"),
        ({"environment": "production", "tier": "grave"}, 422, "tier"),
        ({"environment": "production", "mood": 1}, 422, "mood"),
    ):
        answer = admin.post("policies/changes/", body)
        assert (answer.status_code, list(answer.json()["fields"])) == (status, [field]), answer.content
    assert admin.post("policies/changes/", {"environment": "nowhere"}).status_code == 404
    assert admin.get("policies/changes/999/").status_code == 404
    assert admin.get("policies/999/").status_code == 404
    bad = admin.put("policies/apply/", {"yaml": "policies: ["})
    assert (bad.status_code, list(bad.json()["fields"])) == (422, ["yaml"])


def test_the_file_goes_out_and_in(alex: Person, session: Sessions) -> None:
    admin = session(alex)
    text = admin.get("policies/export/").content.decode()
    body = {"yaml": text.replace("request_days: 7", "request_days: 5")}
    assert [p["outcome"] for p in admin.put("policies/apply/", body).json()["policies"]] == ["equal", "proposed"]
    again = admin.put("policies/apply/", body).json()["policies"]
    assert [p["outcome"] for p in again] == ["equal", "proposed_already"]
    assert admin.get("policies/changes/").json()["results"][0]["rules"]["request_days"] == 5


def test_an_environment_names_its_policies(session: Sessions, line: Line) -> None:
    found = session(line.priya).get("environments/production/").json()["policies"]
    assert [(p["name"], p["tier"], p["number"]) for p in found] == [("production@1", "", 1)]
    assert "2 × ML lead of the owning team" in found[0]["rules_in_words"]
    versions = session(line.priya).get(f"policies/{found[0]['policy']}/versions/").json()["results"]
    assert [v["number"] for v in versions] == [1]
    assert session(line.priya).get(f"policies/{found[0]['policy']}/versions/2/").status_code == 404
