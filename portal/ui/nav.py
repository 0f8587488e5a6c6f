"""What the frame of every page shows, registered by the apps that own it.

Apps call `nav.register(...)`, `nav.banner(...)`, `nav.band(...)` and `nav.foot(...)` when they are ready. Each callable
gets the actor, or for a band what the page shows, and may ask the database once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from portal.core.actors import Actor


def everybody(actor: Actor) -> bool:
    return actor.is_authenticated


@dataclass(frozen=True, slots=True, kw_only=True)
class NavItem:
    """An entry of the main menu, ordered by `position`. `visible` hides what an actor can never use.

    `key` is the letter after `g`; `hot` marks counts that call for a decision; `prefixes` are those of the addresses
    that belong to the entry beside what is below its own, such as `/settings/`.
    """

    label: str
    url_name: str
    icon: str
    position: int
    count: Callable[[Actor], int] | None = None
    visible: Callable[[Actor], bool] = everybody
    hot: bool = False
    key: str = ""
    prefixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the frame: the state of the log in the foot, or a banner over the page."""

    tone: str
    text: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Band:
    """A band over the content of a page: a template and what it is given."""

    template: str
    context: Mapping[str, Any]


ITEMS: dict[str, NavItem] = {}
BANNERS: list[Callable[[Actor], list[Line]]] = []
BANDS: list[Callable[[Mapping[str, Any]], Band | None]] = []
FEET: list[Callable[[Actor], Line | None]] = []


def register(*items: NavItem) -> None:
    """Add entries; the same address twice replaces the first."""
    ITEMS.update({item.url_name: item for item in items})


def for_actor(actor: Actor) -> list[NavItem]:
    """The entries this actor sees, in order."""
    if not actor.is_authenticated:
        return []
    return sorted((item for item in ITEMS.values() if item.visible(actor)), key=lambda item: item.position)


def banner(provider: Callable[[Actor], list[Line]]) -> None:
    """Lines over every page for those concerned, such as a broken log."""
    if provider not in BANNERS:
        BANNERS.append(provider)


def band(provider: Callable[[Mapping[str, Any]], Band | None]) -> None:
    """A band over every page it concerns, such as the freeze of an environment. It is given the page's context."""
    if provider not in BANDS:
        BANDS.append(provider)


def foot(provider: Callable[[Actor], Line | None]) -> None:
    """A line in the foot of every page, such as how far the log is signed."""
    if provider not in FEET:
        FEET.append(provider)
