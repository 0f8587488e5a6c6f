"""What monitoring adds to the frame of every page."""

from portal.accounts import access
from portal.accounts.permissions import Permission
from portal.core.actors import Actor
from portal.ui.nav import NavItem, register


def visible(actor: Actor) -> bool:
    return bool(access.may_somewhere(actor, Permission.SYSTEM_VIEW))


register(
    NavItem(label="Status", url_name="monitoring:status", icon="status", position=80, visible=visible, key="s"),
)
