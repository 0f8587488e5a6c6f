"""What an actor may do and see: pure questions over the actor's grants and scopes."""

from portal.accounts.permissions import PERMISSION_WORDS, ROLE_PERMISSIONS, SCOPES, Permission
from portal.accounts.roles import Role
from portal.core.actors import Actor
from portal.core.decisions import ALLOWED, Decision, refused
from portal.core.errors import NotFound, NotSignedIn


def in_scope(actor: Actor, permission: Permission) -> bool:
    """Whether the actor's token covers the act; people in a session are not limited by scopes."""
    return actor.scopes is None or any(permission in SCOPES.get(scope, frozenset()) for scope in actor.scopes)


def roles_in(actor: Actor, team_id: int | None) -> frozenset[str]:
    """The roles the actor holds globally or in this team."""
    return frozenset(g.role for g in actor.grants if g.team_id is None or g.team_id == team_id)


def may(actor: Actor, permission: Permission, team_id: int | None = None) -> Decision:
    """Whether the actor may do this for things of the team (None: things that belong to no team).

    The refusal says which permission is missing and who can grant it.
    """
    if actor.kind == "system":
        return ALLOWED
    if not actor.is_authenticated:
        return refused("not_signed_in", "Sign in first.")
    if actor.token_team_id is not None and team_id is not None and actor.token_team_id != team_id:
        return refused("token_of_another_team", "This token is limited to another team. Use one of the right team.")
    if not in_scope(actor, permission):
        fitting = ", ".join(sorted(scope for scope, acts in SCOPES.items() if permission in acts)) or "none"
        return refused(
            "scope_missing",
            f"This token may not {PERMISSION_WORDS[permission]}. Scopes that may: {fitting}.",
        )
    if any(permission in ROLE_PERMISSIONS.get(role, frozenset()) for role in roles_in(actor, team_id)):
        return ALLOWED
    holders = " or ".join(Role(role).label for role, acts in ROLE_PERMISSIONS.items() if permission in acts)
    return refused(
        "permission_missing",
        f"You may not {PERMISSION_WORDS[permission]} here. It takes the role {holders}, "
        "which an administrator can grant.",
    )


def visible_teams(actor: Actor, permission: Permission = Permission.MODELS_VIEW) -> set[int] | None:
    """The teams whose things the actor may see; None means all of them."""
    if actor.kind == "system":
        return None
    if not in_scope(actor, permission):
        return set()
    fitting = {g for g in actor.grants if permission in ROLE_PERMISSIONS.get(g.role, frozenset())}
    everywhere = any(g.team_id is None for g in fitting)
    if actor.token_team_id is not None:
        held = everywhere or any(g.team_id == actor.token_team_id for g in fitting)
        return {actor.token_team_id} if held else set()
    return None if everywhere else {g.team_id for g in fitting if g.team_id is not None}


def may_somewhere(actor: Actor, permission: Permission) -> Decision:
    """Whether the actor may do this everywhere or in at least one team; for things that belong to no team."""
    teams = visible_teams(actor, permission)
    return ALLOWED if teams is None or teams else may(actor, permission)


def require(actor: Actor, permission: Permission, team_id: int | None = None) -> None:
    """Raise `NotSignedIn` or `NotAllowed` unless the actor may."""
    if not actor.is_authenticated:
        raise NotSignedIn("Sign in first.")
    may(actor, permission, team_id).require()


def require_visible(actor: Actor, team_id: int, permission: Permission = Permission.MODELS_VIEW) -> None:
    """Raise `NotFound`, the same as for a missing thing, when the actor may not see things of this team."""
    teams = visible_teams(actor, permission)
    if teams is not None and team_id not in teams:
        raise NotFound("This does not exist, or you may not see it.")
