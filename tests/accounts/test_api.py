"""People, rights and credentials over REST."""

import json
import uuid
from typing import Any

import pytest

from portal.accounts.models import ApiToken, Person, RoleGrant
from tests.accounts import people
from tests.accounts.browser import Browser, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin() -> Browser:
    return signed_in(people.administrator())


def as_token(raw: str, method: str, path: str, body: Any = None, **headers: str) -> Any:
    return Browser().send(method, path, body, **{"Authorization": f"Bearer {raw}"} | headers)


def test_me_says_who_calls_and_with_which_rights() -> None:
    team = people.team("Flight operations")
    priya = people.person("Priya Nair", ("data_scientist", team))
    found = signed_in(priya).get("/api/v1/me/").json()
    assert found["kind"] == "user"
    assert found["grants"] == [{"role": "data_scientist", "team": "flight-operations"}]
    assert found["step_up_methods"] == ["password"]
    found = as_token(people.token(priya, "mlflow").secret, "GET", "/api/v1/me/").json()
    assert (found["kind"], found["scopes"], found["preferences"]) == ("token", ["mlflow"], None)


def test_preferences_and_name_are_one_s_own() -> None:
    priya = people.person("Priya Nair")
    browser = signed_in(priya)
    answer = browser.send("PATCH", "/api/v1/me/", {"theme": "dark", "shortcuts": False, "name": "Priya N."})
    assert answer.json()["preferences"] == {"theme": "dark", "density": "dense", "shortcuts": False}
    assert answer.json()["name"] == "Priya N."
    assert browser.send("PATCH", "/api/v1/me/", {"theme": "pink"}).status_code == 422
    assert browser.send("PATCH", "/api/v1/me/", {"is_active": False, "email": "x@y.org"}).status_code == 422
    token = people.token(priya).secret
    headers = {"Idempotency-Key": "k-1"}
    assert as_token(token, "PATCH", "/api/v1/me/", {"theme": "light"}, **headers).status_code == 403


def test_an_administrator_runs_a_team_s_people(admin: Browser) -> None:
    assert admin.post("/api/v1/teams/", {"name": "Flight operations"}).status_code == 201
    priya = people.person("Priya Nair")
    path = f"/api/v1/people/{priya.pk}/"
    grant = admin.post(f"{path}grants/", {"role": "viewer", "team": "flight-operations"})
    assert grant.status_code == 201
    assert admin.get(path).json()["grants"][0]["role"] == "viewer"
    assert admin.get(path).json()["email"] == priya.email
    assert admin.send("DELETE", f"{path}grants/{grant.json()['id']}/").status_code == 204
    assert not RoleGrant.objects.filter(person=priya).exists()
    assert admin.post(f"{path}disable/", {"reason": "left"}).json()["is_active"] is False
    assert admin.post(f"{path}disable/").json()["code"] == "disabled_already"
    assert admin.post(f"{path}enable/").json()["is_active"] is True
    assert admin.send("PATCH", "/api/v1/teams/flight-operations/", {"name": "Flights"}).json()["name"] == "Flights"


def test_a_grant_of_somebody_else_is_as_good_as_missing(admin: Browser) -> None:
    priya, marta = people.person("Priya Nair"), people.person("Marta", ("ml_lead", None))
    held = RoleGrant.objects.get(person=marta)
    assert admin.send("DELETE", f"/api/v1/people/{priya.pk}/grants/{held.pk}/").status_code == 404
    assert RoleGrant.objects.filter(pk=held.pk).exists()


def test_others_see_no_address_and_change_nothing() -> None:
    team = people.team("Flight operations")
    priya = people.person("Priya Nair", ("data_scientist", team))
    marta = people.person("Marta", ("ml_lead", team))
    browser = signed_in(priya)
    assert browser.get(f"/api/v1/people/{marta.pk}/").json()["email"] is None
    assert browser.post(f"/api/v1/people/{marta.pk}/disable/").status_code == 403
    assert browser.post(f"/api/v1/people/{marta.pk}/grants/", {"role": "viewer"}).status_code == 403
    assert browser.post("/api/v1/invitations/", {"email": "n@example.org", "role": "viewer"}).status_code == 403
    refused = [event.type for event in people.events("person.disabled") + people.events("role.granted")]
    assert refused.count("person.disabled") == 1


def test_foreign_and_missing_people_look_the_same() -> None:
    mine, other = people.team("Flight operations"), people.team("Model risk")
    browser = signed_in(people.person("Priya Nair", ("data_scientist", mine)))
    olga = people.person("Olga", ("ml_lead", other))
    foreign, missing = browser.get(f"/api/v1/people/{olga.pk}/"), browser.get("/api/v1/people/999999/")
    assert (foreign.status_code, missing.status_code) == (404, 404)
    assert foreign.json()["detail"] == missing.json()["detail"]
    listed = browser.get("/api/v1/people/").json()["results"]
    assert olga.pk not in [row["id"] for row in listed]


def test_invitations_over_the_api(admin: Browser) -> None:
    made = admin.post("/api/v1/invitations/", {"email": "new@example.org", "role": "viewer"})
    assert made.status_code == 201
    assert "secret" not in json.dumps(made.json())
    assert len(admin.get("/api/v1/invitations/").json()["results"]) == 1
    path = f"/api/v1/invitations/{made.json()['id']}/"
    assert admin.post(f"{path}again/").status_code == 200
    assert admin.post(f"{path}revoke/").status_code == 200
    assert admin.post(f"{path}revoke/").status_code == 409
    assert admin.post(f"/api/v1/invitations/{uuid.uuid4()}/revoke/").status_code == 404


def test_a_token_is_made_after_a_step_up_and_shown_once() -> None:
    priya = people.person("Priya Nair")
    browser = signed_in(priya)
    body = {"name": "laptop", "scopes": ["read"], "days": 30}
    refused = browser.post("/api/v1/tokens/", body)
    assert (refused.status_code, refused.json()["code"]) == (403, "step_up_required")
    step = {"method": "password", "password": people.PASSWORD, "binding": refused.json()["binding"]}
    assert browser.post("/api/v1/step-up/", step).status_code == 201
    made = browser.post("/api/v1/tokens/", body)
    assert made.status_code == 201
    secret = made.json()["secret"]
    assert as_token(secret, "GET", "/api/v1/me/").status_code == 200
    listed = browser.get("/api/v1/tokens/")
    assert secret not in listed.content.decode()
    assert listed.json()["results"][0]["state"] == "active"
    assert browser.post("/api/v1/tokens/", body).status_code == 403
    path = f"/api/v1/tokens/{made.json()['id']}/"
    assert browser.post(f"{path}revoke/").json()["state"] == "revoked"
    assert as_token(secret, "GET", "/api/v1/me/").json()["code"] == "token_revoked"


def test_a_replayed_key_never_shows_the_secret_again() -> None:
    priya = people.person("Priya Nair")
    browser = signed_in(priya)
    body, key = {"name": "laptop", "scopes": ["read"]}, {"Idempotency-Key": "one-intent"}
    binding = browser.post("/api/v1/tokens/", body).json()["binding"]
    step = {"method": "password", "password": people.PASSWORD, "binding": binding}
    browser.post("/api/v1/step-up/", step)
    first = browser.send("POST", "/api/v1/tokens/", body, **key)
    again = browser.send("POST", "/api/v1/tokens/", body, **key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json()["id"] == first.json()["id"]
    assert again.json()["secret"] is None
    assert ApiToken.objects.count() == 1


def test_service_accounts_over_the_api(admin: Browser) -> None:
    priya = people.person("Priya Nair")
    body = {"name": "train-nightly", "responsible": priya.pk, "description": "Trains at night"}
    assert admin.post("/api/v1/service-accounts/", body).status_code == 201
    assert admin.post("/api/v1/service-accounts/", body).json()["code"] == "service_account_exists"
    path = "/api/v1/service-accounts/train-nightly/"
    assert admin.post(f"{path}grants/", {"role": "data_scientist"}).status_code == 201
    assert signed_in(priya).get(path).status_code == 200
    assert signed_in(people.person("Olga")).get(path).status_code == 404
    changed = admin.send("PATCH", path, {"is_active": False})
    assert changed.json()["is_active"] is False
    assert admin.send("PATCH", path, {"is_active": False}).status_code == 409
    assert admin.send("PATCH", path, {"responsible": 999999}).status_code == 422
    held = admin.get(path).json()["grants"][0]["id"]
    assert admin.send("DELETE", f"{path}grants/{held}/").status_code == 204


def test_the_responsible_human_makes_its_tokens(admin: Browser) -> None:
    priya = people.person("Priya Nair")
    people.account("train-nightly", priya)
    browser = signed_in(priya)
    body = {"name": "runner", "scopes": ["mlflow"], "service_account": "train-nightly"}
    binding = browser.post("/api/v1/tokens/", body).json()["binding"]
    step = {"method": "password", "password": people.PASSWORD, "binding": binding}
    browser.post("/api/v1/step-up/", step)
    made = browser.post("/api/v1/tokens/", body).json()
    assert made["service_account"] == "train-nightly"
    assert made["secret"].startswith("sbx_svc_")
    olga = signed_in(people.person("Olga"))
    assert olga.post("/api/v1/tokens/", body).status_code == 404


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("Bearer nonsense", "token_malformed"),
        ("Bearer sbx_pat_" + "1" * 36, "token_unknown"),
        ("Basic !!!", "token_malformed"),
        ("Bearer ", "token_malformed"),
    ],
)
def test_bad_credentials_answer_401_and_say_how_to_get_one(header: str, code: str) -> None:
    answer = Browser().send("GET", "/api/v1/me/", Authorization=header)
    assert (answer.status_code, answer.json()["code"]) == (401, code)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert "/me/tokens/" in answer.json()["detail"]


def test_tokens_need_an_idempotency_key_on_unsafe_calls() -> None:
    priya = people.person("Priya Nair")
    answer = as_token(people.token(priya).secret, "POST", "/api/v1/notices/read/", {})
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_missing")


@pytest.mark.parametrize(
    "path", ["/api/v1/people/?page_size=1000000000", "/api/v1/people/?cursor=garbage", "/api/v1/tokens/?cursor=%00"]
)
def test_odd_paging_is_bounded(admin: Browser, path: str) -> None:
    answer = admin.get(path)
    assert answer.status_code in (200, 400)
    if answer.status_code == 200:
        assert len(answer.json()["results"]) <= 200


@pytest.mark.parametrize(
    ("method", "headers", "path"),
    [
        ("POST", {"X-HTTP-Method-Override": "DELETE"}, "/api/v1/people/{id}/grants/"),
        ("PUT", {}, "/api/v1/people/{id}/"),
        ("PATCH", {}, "/api/v1/people/{id}/"),
        ("DELETE", {}, "/api/v1/people/{id}/"),
        ("POST", {}, "/api/v1/people/{id}/?_method=DELETE"),
    ],
)
def test_other_verbs_do_not_slip_through(method: str, headers: dict[str, str], path: str) -> None:
    team = people.team("Flight operations")
    priya = people.person("Priya Nair", ("data_scientist", team))
    answer = signed_in(priya).send(method, path.format(id=priya.pk), {"is_active": False, "role": "viewer"}, **headers)
    assert answer.status_code in (403, 405, 422)
    assert Person.objects.get(pk=priya.pk).is_active
    assert RoleGrant.objects.count() == 1
