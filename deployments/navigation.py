"""What deployments add to the frame of every page."""

from deployments.selectors import inbox, requests
from portal.core.actors import Actor
from portal.ui.nav import NavItem, register


def open_requests(actor: Actor) -> int:
    return requests.visible(actor).filter(status__in=requests.OPEN).count()


register(
    NavItem(
        label="Inbox",
        url_name="deployments:inbox",
        icon="inbox",
        position=10,
        count=inbox.count,
        hot=True,
        key="i",
    ),
    NavItem(
        label="Promotions",
        url_name="deployments:promotions",
        icon="promotion",
        position=30,
        count=open_requests,
        key="p",
        prefixes=("/bypasses/",),
    ),
    NavItem(
        label="Endpoints",
        url_name="deployments:endpoints",
        icon="endpoint",
        position=40,
        key="e",
        prefixes=("/environments/", "/plans/"),
    ),
)
