"""A promotion by REST: asked with a token, decided by people in sessions who step up."""

from collections.abc import Callable

import pytest

from deployments.models import Approval, PromotionRequest
from deployments.policies.asking import WHY
from deployments.services import promotions
from portal.core import work
from portal.core.errors import BadInput
from portal.core.models import IdempotencyKey
from tests import world
from tests.callers import Caller
from tests.deployments.conftest import Line

pytestmark = pytest.mark.django_db
Session = Callable[..., Caller]
ASK = {"model": "flight-delay", "version": 1, "environment": "production", "why": "It is better on March."}


def test_asked_by_token_and_approved_by_two_people(line: Line, session: Session, token: Session) -> None:
    author = token(line.priya, "read", "promote")
    made = author.post("promotions/", ASK)
    assert made.status_code == 201, made.content
    asked = made.json()
    assert (asked["number"], asked["status"]) == (PromotionRequest.objects.get().pk, "pending_review")
    assert {"endpoint.created", "promotion.submitted"} <= {r["type"] for r in asked["receipts"]}
    assert all(len(r["leaf_hash"]) == 64 for r in asked["receipts"])
    path = f"promotions/{asked['number']}/"
    for person in (line.marta, line.daniel):
        reviewer = session(person)
        seen = reviewer.get(path).json()["evidence_digest"]
        refused = reviewer.post(f"{path}approve/", {"seen": seen})
        assert (refused.status_code, refused.json()["code"]) == (403, "step_up_required")
        assert reviewer.step_up(refused.json()["binding"]).status_code in (200, 201)
        done = reviewer.post(f"{path}approve/", {"seen": seen, "comment": "Read it."})
        assert done.status_code == 200, done.content
    work.drain()
    found = author.get(path).json()
    assert found["status"] == "promoted"
    assert [a["reviewer"]["email"] for a in found["approvals"]] == [line.marta.email, line.daniel.email]
    assert found["verdict"]["satisfied"] is True


def test_a_dry_run_lists_what_is_missing_and_writes_nothing(line: Line, session: Session) -> None:
    asking = session(line.priya).post("promotions/", ASK | {"dry_run": True})
    assert asking.status_code == 200
    assert asking.json()["possible"] is True
    assert asking.json()["evidence"]["version"]["number"] == 1
    assert not PromotionRequest.objects.exists()
    row = line.submit(1)
    body = {"seen": row.evidence_digest, "dry_run": True}
    deciding = session(line.marta).post(f"promotions/{row.pk}/approve/", body).json()
    assert deciding["possible"] is False
    assert "second look" in deciding["missing"][0]
    assert "1 more approval as ML lead: Daniel Osei" in deciding["missing"][1]
    rejecting = session(line.marta).post(f"promotions/{row.pk}/reject/", body | {"comment": "Too few rows"})
    assert rejecting.json() == {"dry_run": True, "possible": True, "missing": []}
    own = session(line.priya).post(f"promotions/{row.pk}/reject/", body | {"comment": "Too few rows"})
    assert own.json()["missing"] == ["You asked for this, so you cannot approve it. Somebody else has to decide."]
    row.refresh_from_db()
    assert row.status == "pending_review"
    assert not Approval.objects.exists()


def test_a_second_request_is_refused_with_the_number_of_the_first(line: Line, session: Session) -> None:
    row = line.submit(1)
    again = session(line.priya).post("promotions/", ASK | {"version": 2})
    assert (again.status_code, again.json()["code"], again.json()["open_request"]) == (409, "open_request", row.pk)


def test_the_same_key_asks_once(line: Line, session: Session) -> None:
    author = session(line.priya)
    first, second = (author.post("promotions/", ASK, key="k-1") for _ in range(2))
    assert first.json()["number"] == second.json()["number"]
    assert second["Idempotent-Replayed"] == "true"
    assert PromotionRequest.objects.count() == 1
    assert IdempotencyKey.objects.count() == 1


def test_changes_requested_then_sent_again_then_withdrawn(line: Line, session: Session) -> None:
    row = line.submit(1)
    path = f"promotions/{row.pk}/"
    back = session(line.marta).post(f"{path}request-changes/", {"seen": row.evidence_digest, "comment": "Why March?"})
    assert back.json()["status"] == "changes_requested"
    assert back.json()["note"] == "Why March?"
    assert session(line.priya).get("inbox/").json()["count"] == 1
    again = session(line.priya).post(f"{path}resubmit/", {"why": "March is the newest full month."})
    assert (again.json()["status"], again.json()["revision"]) == ("pending_review", 2)
    gone = session(line.priya).post(f"{path}withdraw/", {"reason": "A better one comes."})
    assert gone.json()["status"] == "withdrawn"
    after = session(line.marta).post(f"{path}reject/", {"seen": row.evidence_digest, "comment": "Too late"})
    assert after.status_code == 409


def test_sent_again_by_another_plan(line: Line, session: Session) -> None:
    line.promote(1)
    row = line.submit(2)
    path, priya = f"promotions/{row.pk}/", session(line.priya)
    session(line.marta).post(f"{path}request-changes/", {"seen": row.evidence_digest, "comment": "Slower, please."})
    unknown = priya.post(f"{path}resubmit/", {"why": "By canary, then.", "plan": "canari"})
    assert (unknown.status_code, list(unknown.json()["fields"])) == (422, ["plan"])
    again = priya.post(f"{path}resubmit/", {"why": "By canary, then.", "plan": "canary"})
    assert again.json()["status"] == "pending_review"
    row.refresh_from_db()
    assert row.evidence["plan"]["name"] == "canary"


def test_a_decision_on_old_evidence_is_refused(line: Line, session: Session) -> None:
    row = line.submit(1)
    stale = session(line.marta).post(f"promotions/{row.pk}/reject/", {"seen": "sha256:" + "0" * 64, "comment": "No."})
    assert (stale.status_code, stale.json()["code"]) == (409, "evidence_changed")
    assert stale.json()["evidence_digest"] == row.evidence_digest


def test_tokens_never_decide(line: Line, token: Session) -> None:
    row = line.submit(1)
    body = {"seen": row.evidence_digest, "comment": "Fine by me."}
    for verb in ("approve", "reject", "request-changes"):
        answer = token(line.marta, "read", "promote").post(f"promotions/{row.pk}/{verb}/", body)
        assert (answer.status_code, answer.json()["code"]) == (403, "only_people_decide")


def test_another_team_sees_nothing(line: Line, session: Session) -> None:
    row = line.submit(1)
    olga = session(line.olga)
    assert olga.get("promotions/").json()["results"] == []
    assert olga.get(f"promotions/{row.pk}/").status_code == 404
    assert olga.get("promotions/9999999999999999999999/").status_code == 404
    assert olga.post(f"promotions/{row.pk}/withdraw/", {}).status_code == 404


def test_a_rule_that_names_another_team_shows_the_request_to_it(line: Line, session: Session) -> None:
    world.production(approvals=[{"name": "Risk", "role": "ml_lead", "team": "other", "count": 1}])
    row = line.submit(1)
    olga = session(line.olga)
    assert [r["number"] for r in olga.get("promotions/", need="me").json()["results"]] == [row.pk]
    assert olga.get("inbox/").json()["results"][0]["needs"] == "Risk"
    assert session(line.marta).get("inbox/").json()["count"] == 0


def test_lists_filter_and_page(line: Line, session: Session) -> None:
    first = line.promote(1)
    second = line.promote(2)
    open_one = line.submit(3)
    author = session(line.priya)
    numbers = [r["number"] for r in author.get("promotions/").json()["results"]]
    assert numbers == [open_one.pk, second.pk, first.pk]
    assert [r["number"] for r in author.get("promotions/", state="promoted").json()["results"]] == [second.pk, first.pk]
    assert [r["number"] for r in author.get("promotions/", state="open").json()["results"]] == [open_one.pk]
    assert author.get("promotions/", model="nothing").json()["results"] == []
    page = author.get("promotions/", page_size=2).json()
    assert len(page["results"]) == 2
    rest = author.client.get(page["next"]).json()
    assert [r["number"] for r in rest["results"]] == [first.pk]


def test_all_that_is_wrong_is_named_at_once_what_is_not_there_with_what_has_no_form(
    line: Line, session: Session
) -> None:
    author = session(line.priya)
    odd = {"model": "nobody", "version": "three", "environment": "prod", "plan": "nothing", "why": "ab", "foo": 1}
    answer = author.post("promotions/", odd)
    assert (answer.status_code, set(answer.json()["fields"])) == (422, set(odd))
    said = answer.json()["fields"]
    assert said["environment"] == "There is no environment prod."
    assert said["plan"].startswith("There is no rollout plan nothing. There are: at-once, ")
    two = author.post("promotions/", ASK | {"plan": "nothing", "why": "ab"})
    assert (two.status_code, set(two.json()["fields"])) == (422, {"plan", "why"})
    gone = author.post("promotions/", ASK | {"environment": "prod", "version": 99})
    assert (gone.status_code, set(gone.json()["fields"])) == (404, {"environment", "version"})
    assert not PromotionRequest.objects.exists()


def test_what_is_wrong_with_an_environment_is_named_with_what_is_wrong_with_its_rules(
    line: Line, session: Session
) -> None:
    admin = session(world.person("Ada Admin", ("administrator", None)))
    rules = {"approvals": [], "request_days": 0, "approval_hours": 24, "step_up": ["wink"], "warm_hours": 0, "x": 1}
    answer = admin.post("environments/", {"name": "a b", "plan": "nothing", "rules": rules})
    wanted = {"name", "plan", "request_days", "step_up", "warm_hours", "x"}
    assert (answer.status_code, set(answer.json()["fields"])) == (422, wanted)


def test_a_decision_names_a_bad_condition_and_a_lacking_reason_with_the_rest(line: Line, session: Session) -> None:
    path = f"promotions/{line.submit(1).pk}/"
    marta = session(line.marta)
    fields = marta.post(f"{path}approve/", {"condition": {"most_weight": 0, "until": {"labels": 1}}}).json()["fields"]
    assert set(fields) == {"seen", "condition.most_weight"}
    fields = marta.post(f"{path}reject/", {"comment": "no", "sen": "x"}).json()["fields"]
    assert set(fields) == {"seen", "sen", "comment"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"version": "one"}, "version"),
        ({"version": 0}, "version"),
        ({"wyh": "typo"}, "wyh"),
        ({"environment": None}, "environment"),
        ({"why": "x" * 4001}, "why"),
    ],
)
def test_bad_input_names_the_field(line: Line, session: Session, body: dict[str, object], field: str) -> None:
    answer = session(line.priya).post("promotions/", ASK | body)
    assert answer.status_code == 422
    assert field in answer.json()["fields"]
    assert not PromotionRequest.objects.exists()


def test_unknown_state_model_and_environment(line: Line, session: Session) -> None:
    author = session(line.priya)
    assert list(author.get("promotions/", state="nice").json()["fields"]) == ["state"]
    assert author.post("promotions/", ASK | {"model": "nothing"}).status_code == 404
    assert author.post("promotions/", ASK | {"environment": "moon"}).status_code == 404
    assert author.post("promotions/", ASK | {"version": 99}).status_code == 404


def test_comments(line: Line, session: Session) -> None:
    row = line.submit(1)
    marta = session(line.marta)
    assert marta.post(f"promotions/{row.pk}/comments/", {"text": "Is March enough?"}).status_code == 201
    assert marta.post(f"promotions/{row.pk}/comments/", {"text": ""}).status_code == 422
    [comment] = marta.get(f"promotions/{row.pk}/comments/").json()["results"]
    assert (comment["author"], comment["text"]) == ("Marta Kowalska", "Is March enough?")


def test_everything_that_is_missing_is_named_at_once(line: Line, session: Session) -> None:
    caller = session(line.priya)
    answer = caller.post("promotions/", {})
    assert answer.status_code == 422
    assert list(answer.json()["fields"]) == ["model", "version", "environment", "why"]
    assert WHY in answer.json()["detail"]


@pytest.mark.parametrize("why", ["", "  ", "ab", "x" * 4001, None])
def test_one_sentence_says_how_long_why_is(line: Line, session: Session, why: str | None) -> None:
    caller = session(line.priya)
    row = line.submit(1)
    for path in ("promotions/", f"promotions/{row.pk}/resubmit/"):
        body = (ASK if path == "promotions/" else {}) | {"why": why}
        answer = caller.post(path, body)
        assert (answer.status_code, answer.json()["fields"]) == (422, {"why": WHY}), answer.content
    with pytest.raises(BadInput) as refusal:
        promotions.submit(
            actor=world.actor(line.priya), model="flight-delay", version=1, environment="production", why=why or ""
        )
    assert refusal.value.fields == {"why": WHY}
    assert caller.post("promotions/", ASK | {"why": "abc", "dry_run": True}).status_code == 200


def test_a_dry_run_needs_no_reason(line: Line, session: Session) -> None:
    body = {name: value for name, value in ASK.items() if name != "why"} | {"dry_run": True}
    assert session(line.priya).post("promotions/", body).json()["possible"] is True


def test_a_wrong_method_is_told_the_right_ones(line: Line, session: Session) -> None:
    answer = session(line.priya).put("promotions/", {})
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.json()["detail"] == "PUT is not taken here. This address takes GET, POST, HEAD, OPTIONS."
    assert answer["Allow"] == "GET, POST, HEAD, OPTIONS"
