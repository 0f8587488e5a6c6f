"""Everybody and everything the matrix speaks of, made by the product's own verbs."""

from dataclasses import dataclass, field
from typing import Any

from allauth.mfa.models import Authenticator

from portal.accounts.models import Invitation, Person, RoleGrant, Team
from portal.accounts.services import invitations
from portal.accounts.services import people as person_verbs
from portal.accounts.sessions import SessionStore
from portal.notices.services import notices
from tests.access import things
from tests.access_matrix import ADMIN, ANONYMOUS, AUDITOR, DISABLED, OUTSIDER, SCIENTIST, SCOPES, TEAM
from tests.accounts import people as make
from tests.accounts.second_factors import SoftKey


@dataclass
class World:
    team: Team
    other: Team
    people: dict[str, Person] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    sessions: dict[str, str] = field(default_factory=dict)
    password: str = make.PASSWORD
    facts: dict[str, Any] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["facts"][name]
        except KeyError:
            raise AttributeError(name) from None


def _audiences(world: World) -> None:
    for role in TEAM:
        world.people[role] = make.person(f"The {role}", (role, world.team))
    for role in (AUDITOR, ADMIN):
        world.people[role] = make.person(f"The {role}", (role, None))
    elsewhere = [(role, world.other) for role in ("data_scientist", "ml_lead", "operator")]
    world.people[OUTSIDER] = make.person("The outsider", *elsewhere)
    world.people[DISABLED] = make.person("The disabled", ("ml_lead", world.team))
    able = [(role, None) for role in ("data_scientist", "ml_lead", "operator", "auditor", "administrator")]
    owner = make.person("Able to do all", *able)
    world.tokens = {f"token:{scope}": make.token(owner, scope).secret for scope in SCOPES}
    world.facts["able"] = owner


def _things(world: World) -> None:
    bystander = make.person("A bystander", ("viewer", world.team))
    account = make.account("train-nightly", world.people[SCIENTIST], ("data_scientist", world.team))
    row = invitations.invite(actor=make.SYSTEM, email="invited@example.org", role="viewer", team=world.team)
    link = invitations.renew_secret(str(row.pk))
    assert link is not None
    told = notices.tell(
        person_ids=[world.people[SCIENTIST].pk], kind="t", dedup="1", subject="s", text="t", url="/notices/"
    )
    SoftKey().enrol(bystander)
    world.facts |= {
        "bystander": bystander,
        "bystander_grant": RoleGrant.objects.get(person=bystander),
        "account": account,
        "account_grant": RoleGrant.objects.get(service_account=account),
        "invitation": Invitation.objects.get(pk=row.pk),
        "secret": link.secret,
        "token": make.token(world.people[SCIENTIST]).token,
        "notice": told[0],
        "passkey": Authenticator.objects.get(user=bystander),
    }


def _sign_in(person: Person) -> str:
    """A session as a sign-in leaves it; the key goes into the cookie."""
    session = SessionStore()
    session["_auth_user_id"] = str(person.pk)
    session["_auth_user_backend"] = "allauth.account.auth_backends.AuthenticationBackend"
    session["_auth_user_hash"] = person.get_session_auth_hash()
    session.create()
    return str(session.session_key)


def build() -> World:
    """The whole world, in the caller's transaction."""
    world = World(make.team("Flight operations"), make.team("Model risk"))
    _audiences(world)
    things.build(world)
    # After the workers have run: the job that mails an invitation gives it a new secret.
    _things(world)
    world.sessions = {who: _sign_in(row) for who, row in world.people.items() if who != ANONYMOUS}
    person_verbs.disable(actor=make.SYSTEM, person_id=world.people[DISABLED].pk)
    world.sessions[DISABLED] = world.sessions.get(DISABLED, "")
    return world
