"""Who may read and take away the log. It belongs to no team, so the right has to be held globally."""

from portal.accounts import access
from portal.accounts.permissions import Permission
from portal.core.actors import Actor


def require_view(actor: Actor) -> None:
    access.require(actor, Permission.AUDIT_VIEW)


def require_export(actor: Actor) -> None:
    access.require(actor, Permission.AUDIT_EXPORT)
