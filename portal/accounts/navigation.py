"""What this app adds to the frame of every page."""

from portal.accounts.policies import people as policy
from portal.core.actors import Actor
from portal.ui.nav import NavItem, register


def sees_settings(actor: Actor) -> bool:
    return bool(policy.may_view(actor))


register(
    NavItem(
        position=90,
        label="Settings",
        url_name="accounts:people",
        icon="settings",
        visible=sees_settings,
        key="s",
        prefixes=("/settings/",),
    )
)
