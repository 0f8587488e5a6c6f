"""What every page's frame needs, computed when a layout asks for it: a page without the frame costs nothing."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from portal.core.actors import ANONYMOUS, Actor
from portal.ui import nav

THEMES = ("light", "dark")
DENSITIES = ("dense", "comfortable")
THEME_COOKIE = "signalbox_theme"
ROLE_WORDS = {"ml_lead": "ML lead"}


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the main menu for one request."""

    label: str
    url: str
    icon: str
    key: str
    hot: bool
    count: int
    current: bool


class Shell:
    """The frame for one request. Anonymous visitors cost no query."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.actor: Actor = getattr(request, "actor", ANONYMOUS)
        self.version: str = settings.SIGNALBOX_VERSION

    @property
    def signed_in(self) -> bool:
        return self.actor.is_authenticated

    @cached_property
    def entries(self) -> list[Entry]:
        return [self._entry(item) for item in nav.for_actor(self.actor)]

    def _entry(self, item: nav.NavItem) -> Entry:
        url, path = reverse(item.url_name), self.request.path
        current = path == url if url == "/" else path.startswith((url, *item.prefixes))
        count = item.count(self.actor) if item.count else 0
        return Entry(item.label, url, item.icon, item.key, item.hot, count, current)

    @cached_property
    def waiting(self) -> Entry | None:
        """The entry whose count stands in the bar of small screens."""
        return next((entry for entry in self.entries if entry.hot and entry.count), None)

    @cached_property
    def banners(self) -> list[nav.Line]:
        return [line for provider in nav.BANNERS for line in provider(self.actor)] if self.signed_in else []

    @cached_property
    def feet(self) -> list[nav.Line]:
        found = [provider(self.actor) for provider in nav.FEET] if self.signed_in else []
        return [line for line in found if line is not None]

    @property
    def role_line(self) -> str:
        roles = sorted({grant.role for grant in self.actor.grants})
        return ", ".join(ROLE_WORDS.get(role, role.replace("_", " ").capitalize()) for role in roles)

    def _preference(self, name: str) -> Any:
        """From the profile, which the request has already loaded when somebody is signed in."""
        return getattr(getattr(self.request, "user", None), name, None) if self.signed_in else None

    @property
    def theme(self) -> str:
        """`light`, `dark`, or empty for the system's. Before sign-in the choice of this browser counts."""
        chosen = self._preference("theme") or self.request.COOKIES.get(THEME_COOKIE, "")
        return chosen if chosen in THEMES else ""

    @property
    def density(self) -> str:
        chosen = self._preference("density")
        return chosen if chosen in DENSITIES else "dense"

    @property
    def shortcuts(self) -> str:
        return "off" if self._preference("shortcuts") is False else "on"


def shell(request: HttpRequest) -> dict[str, Any]:
    return {"shell": Shell(request)}
