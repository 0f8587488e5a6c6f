"""Inviting, granting, disabling: who may, and what stops when."""

import re
import threading

import pytest
from django.core import mail
from django.db import connection, transaction
from django.db.utils import IntegrityError
from django.test import Client

from portal.accounts.models import Invitation, Person, RoleGrant, Team
from portal.accounts.permissions import Permission
from portal.accounts.selectors import people as read
from portal.accounts.selectors import rights
from portal.accounts.selectors.people import PeopleFilter
from portal.accounts.services import invitations, roles, seeds, teams
from portal.accounts.services import people as verbs
from portal.core import work
from portal.core.errors import BadInput, Conflict, NotAllowed, NotFound, PortalError, Refused, Unavailable
from tests.accounts import people

JOIN = "/join/"
LINK = re.compile(r"http://localhost:\d+(/join/[^/]+/[^/\s]+/)")


def code_of(caught: pytest.ExceptionInfo[PortalError]) -> str:
    return caught.value.code


@pytest.mark.django_db
class TestRoles:
    def test_an_administrator_grants_and_revokes(self) -> None:
        admin, priya = people.acting(people.administrator()), people.person("Priya Nair")
        team = people.team("Flight operations")
        row = roles.grant(actor=admin, holder=priya, role="data_scientist", team=team)
        with pytest.raises(Conflict):
            roles.grant(actor=admin, holder=priya, role="data_scientist", team=team)
        roles.revoke(actor=admin, grant_id=row.pk)
        with pytest.raises(NotFound):
            roles.revoke(actor=admin, grant_id=row.pk)
        assert [e.subject_id for e in people.events("role.revoked")] == [str(row.pk)]

    def test_nobody_grants_to_themselves_nor_to_a_program_they_answer_for(self) -> None:
        admin = people.administrator()
        account = people.account("nightly", admin)
        for holder in (admin, account):
            with pytest.raises(NotAllowed) as caught:
                roles.grant(actor=people.acting(admin), holder=holder, role="ml_lead")
            assert code_of(caught) == "self_grant"

    @pytest.mark.parametrize("role", ["viewer", "data_scientist", "ml_lead", "operator", "auditor"])
    def test_other_roles_grant_nothing(self, role: str) -> None:
        actor, priya = people.acting(people.person("Olga", (role, None))), people.person("Priya Nair")
        with pytest.raises(NotAllowed):
            roles.grant(actor=actor, holder=priya, role="viewer")

    def test_a_team_s_administrator_stays_within_the_team(self) -> None:
        mine, other = people.team("Flight operations"), people.team("Model risk")
        actor = people.acting(people.person("Tina", ("administrator", mine)))
        priya = people.person("Priya Nair")
        roles.grant(actor=actor, holder=priya, role="viewer", team=mine)
        for where in (other, None):
            with pytest.raises(NotAllowed):
                roles.grant(actor=actor, holder=priya, role="viewer", team=where)
        with pytest.raises(NotAllowed):
            verbs.disable(actor=actor, person_id=priya.pk)

    def test_the_last_administrator_stays(self) -> None:
        admin = people.administrator()
        held = RoleGrant.objects.get(person=admin)
        actor = people.acting(admin)
        with pytest.raises(NotAllowed) as caught:
            roles.revoke(actor=actor, grant_id=held.pk)
        assert code_of(caught) == "last_administrator"
        second = people.administrator("Berta Admin")
        with pytest.raises(NotAllowed):
            verbs.disable(actor=actor, person_id=admin.pk)
        verbs.disable(actor=people.acting(second), person_id=admin.pk)
        with pytest.raises(NotAllowed) as caught:
            verbs.disable(actor=people.SYSTEM, person_id=second.pk)
        assert code_of(caught) == "last_administrator"

    def test_an_unknown_role_names_the_known_ones(self) -> None:
        with pytest.raises(BadInput) as caught:
            roles.grant(actor=people.SYSTEM, holder=people.person("Priya Nair"), role="root")
        assert "administrator" in caught.value.fields["role"]


@pytest.mark.django_db(transaction=True)
def test_two_administrators_cannot_remove_each_other() -> None:
    first, second = people.administrator("Alex Admin"), people.administrator("Berta Admin")
    pairs = [(people.acting(first), second.pk), (people.acting(second), first.pk)]
    barrier, outcomes = threading.Barrier(2), []

    def disable(pair: tuple[object, int]) -> None:
        barrier.wait()
        try:
            verbs.disable(actor=pair[0], person_id=pair[1])  # type: ignore[arg-type]
            outcomes.append("done")
        except (NotAllowed, Unavailable) as error:
            outcomes.append(error.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=disable, args=(pair,)) for pair in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert sorted(outcomes) == ["done", "last_administrator"]
    assert Person.objects.filter(is_active=True).count() == 1


@pytest.mark.django_db(transaction=True)
def test_rights_cannot_change_without_an_event() -> None:
    priya = people.person("Priya Nair")
    with pytest.raises(IntegrityError, match="no audit event"), transaction.atomic():
        RoleGrant.objects.create(person=priya, role="administrator", granted_by="nobody")
    with pytest.raises(IntegrityError, match="no audit event"):
        Person.objects.filter(pk=priya.pk).update(is_active=False)
    with pytest.raises(IntegrityError, match="no audit event"):
        people.token(priya).token.delete()
    assert not RoleGrant.objects.exists()


@pytest.mark.django_db
class TestInvitations:
    def mailed_link(self) -> str:
        work.drain()
        found = LINK.search(str(mail.outbox[-1].body))
        assert found is not None
        return found.group(1)

    def test_from_mail_to_signed_in(self, client: Client) -> None:
        team = people.team("Flight operations")
        admin = people.acting(people.administrator())
        invitations.invite(actor=admin, email="New.Person@Example.org", role="viewer", team=team)
        path = self.mailed_link()
        assert client.get(path).headers["Location"] == JOIN
        assert client.get(JOIN).status_code == 200
        form = {"name": "New Person", "password": people.PASSWORD, "again": people.PASSWORD}
        assert client.post(JOIN, form).status_code == 302
        row = Person.objects.get(email="new.person@example.org")
        assert row.check_password(people.PASSWORD)
        assert list(RoleGrant.objects.filter(person=row).values_list("role", "team__name")) == [("viewer", team.name)]
        assert client.get(path).status_code == 404
        assert client.post(JOIN, form).status_code == 404

    def test_the_secret_is_in_the_mail_only(self, client: Client) -> None:
        row = invitations.invite(actor=people.SYSTEM, email="new@example.org", role="viewer")
        secret = self.mailed_link().split("/")[3]
        client.get(f"/join/{row.pk}/{secret}/")
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_jsonb(i)::text FROM accounts_invitation i WHERE id = %s", [row.pk])
            stored = str(cursor.fetchone()[0])
            cursor.execute("SELECT coalesce(string_agg(to_jsonb(j)::text, ''), '') FROM core_job j")
            stored += str(cursor.fetchone()[0])
        opened = client.session["join_invitation"]
        assert secret not in stored + str(opened)

    def test_sending_again_ends_the_earlier_link(self, client: Client) -> None:
        row = invitations.invite(actor=people.SYSTEM, email="new@example.org", role="viewer")
        first = self.mailed_link()
        invitations.send_again(actor=people.SYSTEM, invitation_id=str(row.pk))
        second = self.mailed_link()
        assert first != second
        assert client.get(first).status_code == 404
        assert client.get(second).status_code == 302

    def test_taken_back_expired_and_repeated(self, client: Client) -> None:
        admin = people.acting(people.administrator())
        row = invitations.invite(actor=admin, email="new@example.org", role="viewer")
        path = self.mailed_link()
        with pytest.raises(Conflict):
            invitations.invite(actor=admin, email="new@example.org", role="viewer")
        invitations.revoke(actor=admin, invitation_id=str(row.pk))
        assert client.get(path).status_code == 404
        with pytest.raises(Refused):
            invitations.revoke(actor=admin, invitation_id=str(row.pk))
        again = invitations.invite(actor=admin, email="new@example.org", role="viewer")
        path = self.mailed_link()
        Invitation.objects.filter(pk=again.pk).update(expires_at="2020-01-01T00:00Z")
        assert client.get(path).status_code == 404
        with pytest.raises(Conflict):
            invitations.invite(actor=admin, email=Person.objects.get().email, role="viewer")

    @pytest.mark.parametrize(
        ("password", "again", "says"),
        [
            ("short", "short", "at least 12"),
            ("password12345", "password12345", "too common"),
            ("            ", "            ", "different characters"),
            (people.PASSWORD, people.PASSWORD + "x", "differ"),
        ],
    )
    def test_bad_passwords_are_refused_beside_the_field(
        self, client: Client, password: str, again: str, says: str
    ) -> None:
        invitations.invite(actor=people.SYSTEM, email="new@example.org", role="viewer")
        path = self.mailed_link()
        client.get(path)
        answer = client.post(JOIN, {"name": "New", "password": password, "again": again})
        assert answer.status_code == 422
        assert not Person.objects.filter(email="new@example.org").exists()
        assert says in answer.content.decode()

    def test_only_an_administrator_invites(self) -> None:
        lead = people.acting(people.person("Marta", ("ml_lead", None)))
        with pytest.raises(NotAllowed):
            invitations.invite(actor=lead, email="new@example.org", role="viewer")


@pytest.mark.django_db
class TestTeamsAndVisibility:
    def test_teams_have_one_name_and_a_lasting_slug(self) -> None:
        admin = people.acting(people.administrator())
        row = teams.create(actor=admin, name="  Flight   operations ")
        assert (row.name, row.slug) == ("Flight operations", "flight-operations")
        with pytest.raises(Conflict):
            teams.create(actor=admin, name="Flight operations")
        with pytest.raises(BadInput):
            teams.create(actor=admin, name="Other", slug="Not A Slug")
        teams.rename(actor=admin, slug="flight-operations", name="Flights")
        assert Team.objects.get().slug == "flight-operations"
        with pytest.raises(NotAllowed):
            teams.create(actor=people.acting(people.person("Priya")), name="Mine")

    def test_people_see_their_team_mates_and_those_with_a_role_everywhere(self) -> None:
        mine, other = people.team("Flight operations"), people.team("Model risk")
        priya = people.person("Priya", ("data_scientist", mine))
        marta = people.person("Marta", ("ml_lead", mine))
        olga = people.person("Olga", ("ml_lead", other))
        ines = people.person("Ines", ("auditor", None))
        assert set(read.visible(people.acting(priya))) == {priya, marta, ines}
        assert olga in read.visible(people.acting(ines))
        with pytest.raises(NotFound):
            read.find(people.acting(priya), olga.pk)
        assert set(read.visible(people.acting(people.person("Nobody")))) <= {Person.objects.get(name="Nobody")}

    def test_filters_narrow_the_list(self) -> None:
        mine = people.team("Flight operations")
        people.person("Priya", ("data_scientist", mine))
        marta = people.person("Marta", ("ml_lead", mine))
        admin = people.acting(people.administrator())
        assert list(read.listed(admin, PeopleFilter(role="ml_lead"))) == [marta]
        assert {p.name for p in read.listed(admin, PeopleFilter(team=mine.slug))} == {"Priya", "Marta"}
        assert [p.name for p in read.listed(admin, PeopleFilter(q="mart"))] == ["Marta"]
        assert not read.listed(admin, PeopleFilter(state="disabled")).exists()

    def test_who_can_and_what_can(self) -> None:
        mine, other = people.team("Flight operations"), people.team("Model risk")
        marta = people.person("Marta", ("ml_lead", mine))
        people.person("Olga", ("ml_lead", other))
        admin = people.acting(people.administrator())
        found = rights.who_can(admin, Permission.PROMOTIONS_DECIDE, mine)
        assert [holder.person for holder in found] == [marta]
        able = {ability.permission: ability.teams for ability in rights.what_can(marta)}
        assert able["promotions.decide"] == ("Flight operations",)
        assert "people.manage" not in able


@pytest.mark.django_db
class TestSetUp:
    def test_the_first_link_makes_one_administrator(self, client: Client) -> None:
        first = invitations.first_link()
        link = invitations.first_link()
        assert client.get(first.path).status_code == 404
        form = {"email": "a@example.org", "name": "A", "password": people.PASSWORD, "again": people.PASSWORD}
        client.get(link.path)
        assert client.post(JOIN, form).status_code == 302
        assert RoleGrant.objects.get().role == "administrator"
        with pytest.raises(Refused):
            invitations.first_link()

    def test_a_first_link_dies_once_somebody_administers(self, client: Client) -> None:
        link = invitations.first_link()
        client.get(link.path)
        people.administrator()
        form = {"email": "a@example.org", "name": "A", "password": people.PASSWORD, "again": people.PASSWORD}
        assert client.post(JOIN, form).status_code == 404

    def test_seeding_may_be_repeated(self) -> None:
        data = {
            "teams": [{"slug": "flight-operations", "name": "Flight operations"}],
            "people": [
                {
                    "email": "priya@example.org",
                    "name": "Priya Nair",
                    "password": people.PASSWORD,
                    "grants": [
                        {"role": "data_scientist", "team": "flight-operations"},
                        {"role": "viewer", "team": None},
                    ],
                }
            ],
        }
        assert seeds.seed(data) == {"teams": 1, "people": 1}
        assert seeds.seed(data) == {"teams": 0, "people": 0}
        assert RoleGrant.objects.count() == 2

    def test_seeding_is_refused_in_production(self, settings: object) -> None:
        settings.SIGNALBOX_MODE = "production"  # type: ignore[attr-defined]
        with pytest.raises(Refused):
            seeds.seed({})

    @pytest.mark.parametrize(
        "data",
        [{"teams": "x"}, {"people": [{}]}, {"people": [{"email": "a@b.org", "name": "A", "password": "short"}]}],
    )
    def test_a_wrong_file_changes_nothing(self, data: dict[str, object]) -> None:
        with pytest.raises(BadInput):
            seeds.seed(data)
        assert not Person.objects.exists()
