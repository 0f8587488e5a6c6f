"""What the registry adds to the frame of every page: its entry, and how old its rows are when MLflow is away."""

from datetime import timedelta

from django.db.models.functions import Now

from portal.core.actors import Actor
from portal.ui import nav, text
from registry.models import MirrorPass

# Three passes of the comparison are missed before anybody is told.
STALE = timedelta(minutes=3)


def banner(actor: Actor) -> list[nav.Line]:
    """Since when MLflow has not been read; nothing while it is, or before it was for the first time."""
    if actor.kind == "anonymous":
        return []
    at = MirrorPass.objects.filter(at__lt=Now() - STALE).values_list("at", flat=True).first()
    if at is None:
        return []
    return [
        nav.Line(
            "warn",
            f"MLflow has not been read since {text.stamp(at)}. Models and runs are shown as they were then. "
            "Decisions, serving and rollback go on.",
        )
    ]


nav.register(
    nav.NavItem(label="Models", url_name="registry:models", icon="model", position=20, key="m", prefixes=("/runs/",))
)
nav.register(nav.NavItem(label="Data sets", url_name="registry:data_sets", icon="database", position=25, key="d"))
nav.banner(banner)
