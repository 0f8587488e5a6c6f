"""Who may change people, teams and roles."""

from portal.accounts import access
from portal.accounts.permissions import Permission
from portal.accounts.roles import Role
from portal.core.actors import Actor
from portal.core.decisions import Decision, refused

SELF_GRANT = refused("self_grant", "Nobody changes their own rights. Ask another administrator to grant this to you.")
LAST_ADMINISTRATOR = refused(
    "last_administrator", "This is the last administrator of the portal. Make somebody else one first."
)


def may_manage(actor: Actor, team_id: int | None = None) -> Decision:
    """Inviting, and granting and revoking roles: everywhere (team None), or in one team."""
    return access.may(actor, Permission.PEOPLE_MANAGE, team_id)


def may_manage_somewhere(actor: Actor) -> Decision:
    """Whether there is any team, or the whole portal, in which the actor manages people."""
    return access.may_somewhere(actor, Permission.PEOPLE_MANAGE)


def may_grant(
    actor: Actor, *, role: str, team_id: int | None, person_id: int | None, responsible_id: int | None
) -> Decision:
    """Granting or revoking a role of a person, or of a service account with this responsible human.

    Administrators only, and never to themselves or to a program they answer for.
    """
    decision = may_manage(actor, team_id)
    if decision and actor.person_id is not None and actor.person_id in (person_id, responsible_id):
        return SELF_GRANT
    return decision


def may_revoke(actor: Actor, *, role: str, team_id: int | None, administrators_left: int) -> Decision:
    """Rights can be taken, one's own too, but not the last global administrator's."""
    decision = may_manage(actor, team_id)
    if decision and role == Role.ADMINISTRATOR and team_id is None and administrators_left < 1:
        return LAST_ADMINISTRATOR
    return decision


def may_disable(actor: Actor, *, person_id: int, administrators_left: int) -> Decision:
    decision = may_manage(actor)
    if decision and administrators_left < 1:
        return LAST_ADMINISTRATOR
    if decision and actor.person_id == person_id:
        return refused("self_disable", "You cannot disable yourself. Ask another administrator.")
    return decision


def may_view(actor: Actor) -> Decision:
    """Whether the actor sees people and teams at all; which ones, the selector says."""
    return access.may_somewhere(actor, Permission.PEOPLE_VIEW)
