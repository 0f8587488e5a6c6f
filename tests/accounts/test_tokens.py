"""Tokens: their form, what is kept of them, and when they stop."""

import base64
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from portal.accounts import access, secrets, tokens
from portal.accounts.models import ApiToken, RoleGrant
from portal.accounts.permissions import SCOPES, Permission
from portal.accounts.services import people as person_verbs
from portal.accounts.services import roles, service_accounts
from portal.accounts.services import tokens as verbs
from portal.core.errors import BadInput, NotAllowed, NotSignedIn, Refused, StepUpRequired
from tests.accounts import people

pytestmark = pytest.mark.django_db


def refusal(raw: str) -> str:
    with pytest.raises(NotSignedIn) as caught:
        tokens.authenticate_token(raw)
    return caught.value.code


def test_a_token_has_a_prefix_enough_chance_and_a_checksum() -> None:
    made = {secrets.new_token("pat") for _ in range(200)}
    assert len(made) == 200
    for raw in made:
        assert raw.startswith("sbx_pat_")
        assert len(raw) == 8 + 30 + 6
        assert secrets.is_well_formed(raw)
    raw = made.pop()
    other = "A" if raw[20] != "A" else "B"
    assert not secrets.is_well_formed(raw[:20] + other + raw[21:])
    assert not secrets.is_well_formed(raw[:-1])
    assert not secrets.is_well_formed(raw.replace("sbx_pat_", "sbx_svc_"))


def test_nothing_in_the_row_gives_the_secret_back() -> None:
    made = people.token(people.person("Priya Nair"))
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_jsonb(t)::text FROM accounts_apitoken t WHERE id = %s", [made.token.pk])
        stored = str(cursor.fetchone()[0])
    assert made.secret not in stored
    assert made.secret[12:-4] not in stored
    assert made.token.prefix == made.secret[:12]
    assert made.token.last4 == made.secret[-4:]


def test_a_person_s_token_is_its_person_within_its_scopes() -> None:
    team = people.team("Flight operations")
    priya = people.person("Priya Nair", ("data_scientist", team))
    actor = tokens.authenticate_token(people.token(priya, "read").secret, request_id="r-1", source_ip="192.0.2.7")
    assert (actor.kind, actor.person_id, actor.scopes) == ("token", priya.pk, frozenset({"read"}))
    assert actor.on_behalf_of == f"person:{priya.pk}"
    assert actor.label == f"token “{ApiToken.objects.get().name}” of Priya Nair"
    assert access.may(actor, Permission.MODELS_VIEW, team.pk)
    assert access.may(actor, Permission.MODELS_REGISTER, team.pk).code == "scope_missing"


def test_rights_follow_the_owner_s_present_roles() -> None:
    team = people.team("Flight operations")
    priya = people.person("Priya Nair", ("data_scientist", team))
    raw = people.token(priya, "mlflow").secret
    assert access.may(tokens.authenticate_token(raw), Permission.RUNS_WRITE, team.pk)
    roles.revoke(actor=people.SYSTEM, grant_id=RoleGrant.objects.get(person=priya).pk)
    assert not access.may(tokens.authenticate_token(raw), Permission.RUNS_WRITE, team.pk)


def test_no_scope_lets_a_token_decide_or_change_rights() -> None:
    forbidden = {Permission.PROMOTIONS_DECIDE, Permission.PEOPLE_MANAGE, Permission.SERVICE_ACCOUNTS_MANAGE}
    assert not any(forbidden & acts for acts in SCOPES.values())


def test_a_token_of_one_team_sees_no_other() -> None:
    mine, other = people.team("Flight operations"), people.team("Model risk")
    priya = people.person("Priya Nair", ("data_scientist", mine), ("viewer", None))
    actor = tokens.authenticate_token(people.token(priya, "read", team=mine).secret)
    assert access.visible_teams(actor) == {mine.pk}
    assert access.may(actor, Permission.MODELS_VIEW, other.pk).code == "token_of_another_team"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("", "token_malformed"),
        ("ghp_something", "token_malformed"),
        ("sbx_pat_short", "token_unknown"),
        ("sbx_pat_" + "0" * 36, "token_unknown"),
    ],
)
def test_other_texts_are_refused_with_a_sentence(raw: str, code: str) -> None:
    assert refusal(raw) == code


def test_expired_revoked_and_disabled_stop_with_the_next_use() -> None:
    priya = people.person("Priya Nair")
    expired, revoked, last = (people.token(priya) for _ in range(3))
    ApiToken.objects.filter(pk=expired.token.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert refusal(expired.secret) == "token_expired"
    verbs.revoke(actor=people.SYSTEM, token_id=str(revoked.token.pk))
    assert refusal(revoked.secret) == "token_revoked"
    person_verbs.disable(actor=people.acting(people.administrator()), person_id=priya.pk)
    assert refusal(last.secret) == "owner_disabled"


def test_a_service_account_stops_with_itself_or_with_its_human() -> None:
    admin, priya = people.administrator(), people.person("Priya Nair")
    account = people.account("train-nightly", priya, ("data_scientist", None))
    raw = people.token(account).secret
    actor = tokens.authenticate_token(raw)
    assert (actor.service_account_id, actor.person_id) == (account.pk, priya.pk)
    service_accounts.change(actor=people.acting(admin), name=account.name, is_active=False)
    assert refusal(raw) == "owner_disabled"
    service_accounts.change(actor=people.acting(admin), name=account.name, is_active=True)
    tokens.authenticate_token(raw)
    person_verbs.disable(actor=people.acting(admin), person_id=priya.pk)
    assert refusal(raw) == "owner_disabled"


def test_the_last_use_is_written_at_most_once_a_minute() -> None:
    made = people.token(people.person("Priya Nair"))
    tokens.authenticate_token(made.secret)
    first = ApiToken.objects.get(pk=made.token.pk).last_used_at
    tokens.authenticate_token(made.secret)
    assert ApiToken.objects.get(pk=made.token.pk).last_used_at == first
    ApiToken.objects.filter(pk=made.token.pk).update(last_used_at=timezone.now() - timedelta(seconds=61))
    tokens.authenticate_token(made.secret)
    second = ApiToken.objects.get(pk=made.token.pk).last_used_at
    assert first is not None
    assert second is not None
    assert second >= first


def test_basic_authentication_carries_the_token_as_password() -> None:
    raw = people.token(people.person("Priya Nair")).secret
    basic = base64.b64encode(f"anything:{raw}".encode()).decode()
    assert tokens.from_authorization(f"Basic {basic}") == raw
    assert tokens.from_authorization(f"bearer {raw}") == raw
    assert tokens.from_authorization("") is None
    assert tokens.from_authorization("Digest abc") is None
    with pytest.raises(NotSignedIn):
        tokens.from_authorization("Basic ***")


def test_making_one_takes_a_fresh_look_bound_to_its_owner() -> None:
    priya = people.person("Priya Nair")
    actor = people.acting(priya)
    with pytest.raises(StepUpRequired) as caught:
        verbs.create(actor=actor, owner=priya, name="laptop", scopes=["read"])
    people.looked_at(actor, caught.value.extra["binding"])
    made = verbs.create(actor=actor, owner=priya, name="laptop", scopes=["read"])
    assert (made.token.expires_at - timezone.now()).days in (89, 90)
    with pytest.raises(StepUpRequired):
        verbs.create(actor=actor, owner=priya, name="second", scopes=["read"])


def test_nobody_makes_a_token_for_somebody_else() -> None:
    priya, admin = people.person("Priya Nair"), people.administrator()
    with pytest.raises(NotAllowed):
        verbs.create(actor=people.acting(admin), owner=priya, name="x", scopes=["read"])


def test_a_token_makes_no_token() -> None:
    priya = people.person("Priya Nair")
    actor = tokens.authenticate_token(people.token(priya).secret)
    with pytest.raises(NotAllowed) as caught:
        verbs.create(actor=actor, owner=priya, name="child", scopes=["read"])
    assert caught.value.code == "session_needed"


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": ["everything"]}, "scopes"),
        ({"scopes": ["read"], "days": 366}, "days"),
        ({"scopes": ["read"], "days": 0}, "days"),
        ({"scopes": ["read"], "name": " "}, "name"),
    ],
)
def test_wrong_wishes_name_the_field(options: dict[str, object], field: str) -> None:
    priya = people.person("Priya Nair")
    wanted: dict[str, object] = {"name": "laptop"} | options
    with pytest.raises(BadInput) as caught:
        verbs.create(actor=people.SYSTEM, owner=priya, **wanted)  # type: ignore[arg-type]
    assert field in caught.value.fields


def test_rotation_overlaps_at_most_a_day() -> None:
    priya = people.person("Priya Nair")
    old = people.token(priya, "read", "mlflow")
    with pytest.raises(BadInput):
        verbs.rotate(actor=people.SYSTEM, token_id=str(old.token.pk), overlap_hours=25)
    new = verbs.rotate(actor=people.SYSTEM, token_id=str(old.token.pk), overlap_hours=24)
    assert new.token.scopes == ["mlflow", "read"]
    tokens.authenticate_token(old.secret)
    tokens.authenticate_token(new.secret)
    old.token.refresh_from_db()
    assert old.token.expires_at <= timezone.now() + timedelta(hours=24)
    at_once = verbs.rotate(actor=people.SYSTEM, token_id=str(new.token.pk), overlap_hours=0)
    assert refusal(new.secret) == "token_revoked"
    tokens.authenticate_token(at_once.secret)
    with pytest.raises(Refused):
        verbs.rotate(actor=people.SYSTEM, token_id=str(new.token.pk))


def test_every_change_is_in_the_log_and_the_last_use_is_not() -> None:
    made = people.token(people.person("Priya Nair"))
    tokens.authenticate_token(made.secret)
    verbs.rotate(actor=people.SYSTEM, token_id=str(made.token.pk))
    assert len(people.events("token.created")) == 2
    rotated = people.events("token.rotated")
    assert [event.subject_id for event in rotated] == [str(made.token.pk)]
    written = b"".join(bytes(event.canon) for event in [*people.events("token.created"), *rotated])
    assert made.secret.encode() not in written


def test_a_token_in_the_address_is_refused_and_recorded(client: Client) -> None:
    made = people.token(people.person("Priya Nair"))
    for path in (f"/api/v1/me/?token={made.secret}", f"/api/v1/me/?x=1&whatever={made.secret}"):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (400, "token_in_query")
        assert made.secret not in answer.content.decode()
    denied = people.events("authz.denied")
    assert {event.subject_id for event in denied} == {str(made.token.pk)}
