"""What monitoring adds to the frame of every page."""

from monitoring.policies.status import may_see
from portal.core.actors import Actor
from portal.ui.nav import NavItem, register


def visible(actor: Actor) -> bool:
    return bool(may_see(actor))


register(
    NavItem(label="Status", url_name="monitoring:status", icon="status", position=80, visible=visible, key="s"),
)
