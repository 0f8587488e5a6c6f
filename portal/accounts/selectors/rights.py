"""Who can do what, read from the one table of roles and acts."""

from dataclasses import dataclass

from portal.accounts.models import Person, RoleGrant, Team
from portal.accounts.permissions import PERMISSION_WORDS, ROLE_PERMISSIONS, SCOPES, Permission
from portal.accounts.roles import Role
from portal.accounts.selectors.people import visible
from portal.core.actors import Actor


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """One act and, per role in the order of `Role`, whether the role may do it; and the scopes that cover it."""

    permission: str
    words: str
    allowed: tuple[bool, ...]
    scopes: tuple[str, ...]


def matrix() -> list[MatrixRow]:
    return [
        MatrixRow(
            permission.value,
            PERMISSION_WORDS[permission],
            tuple(permission in ROLE_PERMISSIONS[role] for role in Role),
            tuple(scope for scope, acts in SCOPES.items() if permission in acts),
        )
        for permission in Permission
    ]


@dataclass(frozen=True, slots=True)
class Holder:
    """Somebody who can do something, by which roles and where."""

    person: Person
    through: tuple[RoleGrant, ...]


def who_can(actor: Actor, permission: Permission, team: Team | None) -> list[Holder]:
    """The active people, among those the actor may see, who can do this: in the team, or anywhere when it is None."""
    roles = [role for role, acts in ROLE_PERMISSIONS.items() if permission in acts]
    grants = RoleGrant.objects.filter(role__in=roles, person__is_active=True, person__in=visible(actor))
    found: dict[Person, list[RoleGrant]] = {}
    for grant in grants.select_related("person", "team").order_by("person__name", "person_id", "role"):
        if grant.person is not None and (team is None or grant.team_id in (None, team.pk)):
            found.setdefault(grant.person, []).append(grant)
    return [Holder(person, tuple(through)) for person, through in found.items()]


@dataclass(frozen=True, slots=True)
class Ability:
    """An act a person can do, and where: everywhere, or in these teams."""

    permission: str
    words: str
    everywhere: bool
    teams: tuple[str, ...]


def what_can(person: Person) -> list[Ability]:
    """What the roles of this person allow, whether or not the account is disabled."""
    held = list(RoleGrant.objects.filter(person=person).select_related("team"))
    found = []
    for permission in Permission:
        fitting = [grant for grant in held if permission in ROLE_PERMISSIONS.get(grant.role, frozenset())]
        if fitting:
            teams = sorted({grant.team.name for grant in fitting if grant.team})
            everywhere = any(grant.team is None for grant in fitting)
            found.append(Ability(permission.value, PERMISSION_WORDS[permission], everywhere, tuple(teams)))
    return found
