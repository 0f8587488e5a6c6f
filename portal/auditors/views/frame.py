"""What every page of the log shows around its content."""

from typing import Any

from portal.accounts import access
from portal.accounts.permissions import Permission
from portal.accounts.web import PortalRequest
from portal.auditors.selectors import chain


def of(request: PortalRequest) -> dict[str, Any]:
    """The state of the chain, and whether the way to exports is shown."""
    return {"chain": chain.state(), "may_export": bool(access.may(request.actor, Permission.AUDIT_EXPORT))}
