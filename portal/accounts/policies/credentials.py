"""Who may make, rotate and revoke tokens, and manage service accounts."""

from datetime import datetime, timedelta

from portal.accounts import access
from portal.accounts.permissions import SCOPES, Permission
from portal.core.actors import Actor
from portal.core.decisions import ALLOWED, Decision, refused
from portal.core.errors import BadInput

DEFAULT_DAYS = 90
MAX_DAYS = 365
MAX_OVERLAP = timedelta(hours=24)
ONLY_PEOPLE = refused(
    "session_needed", "Tokens are made by people in a session, not by tokens. Sign in and open My tokens (/me/tokens/)."
)


def may_manage_accounts(actor: Actor) -> Decision:
    return access.may(actor, Permission.SERVICE_ACCOUNTS_MANAGE)


def may_make(actor: Actor, *, person_id: int | None, responsible_id: int | None) -> Decision:
    """Making or rotating a token: one's own, one of a service account one answers for, or as its administrator."""
    if actor.kind == "system":
        return ALLOWED
    if not actor.is_person:
        return ONLY_PEOPLE
    if actor.person_id in (person_id, responsible_id):
        return ALLOWED
    if responsible_id is not None:
        return may_manage_accounts(actor)
    return refused("not_yours", "A personal token is made by its owner only.")


def may_revoke(actor: Actor, *, person_id: int | None, responsible_id: int | None) -> Decision:
    """Its owner, the responsible human, or an administrator; a token may not revoke others."""
    if actor.kind == "system":
        return ALLOWED
    if not actor.is_person:
        return ONLY_PEOPLE
    if actor.person_id in (person_id, responsible_id):
        return ALLOWED
    if responsible_id is not None:
        return may_manage_accounts(actor)
    return access.may(actor, Permission.PEOPLE_MANAGE)


def checked_scopes(scopes: list[str]) -> list[str]:
    """The scopes, sorted and without repeats; `BadInput` names an unknown one, or asks for at least one."""
    unknown = sorted(set(scopes) - set(SCOPES))
    known = ", ".join(SCOPES)
    if unknown:
        raise BadInput(f"There is no scope {unknown[0]!r}. Use some of: {known}.", fields={"scopes": known})
    if not scopes:
        raise BadInput(f"A token needs at least one scope of: {known}.", fields={"scopes": known})
    return sorted(set(scopes))


def expiry(now: datetime, days: int | None) -> datetime:
    """When a token made now ends; 90 days unless said otherwise, 365 at most."""
    wanted = DEFAULT_DAYS if days is None else days
    if not 1 <= wanted <= MAX_DAYS:
        text = f"A token lives 1 to {MAX_DAYS} days."
        raise BadInput(text, fields={"days": text})
    return now + timedelta(days=wanted)


def checked_overlap(hours: int) -> timedelta:
    """How long the old token goes on beside the new one."""
    if not 0 <= hours <= MAX_OVERLAP.total_seconds() / 3600:
        text = "The old token can go on for 0 to 24 hours."
        raise BadInput(text, fields={"overlap_hours": text})
    return timedelta(hours=hours)
