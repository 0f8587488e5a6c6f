"""One field that finds everything: apps say what they know of a text in their own `search.py`, the page shows it.

A provider gets the actor and the text and returns what this actor may see. A hit that is `exact` is gone to at once.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.module_loading import autodiscover_modules
from django.views.decorators.http import require_GET

from portal.core.actors import Actor
from portal.core.errors import NotSignedIn

LIMIT = 10
LONGEST = 200


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing that was found: `title` is its name, `note` what it is."""

    title: str
    url: str
    note: str = ""
    exact: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    label: str
    icon: str
    hits: list[Hit]


Provider = Callable[[Actor, str], Iterable[Hit]]
PROVIDERS: dict[str, tuple[str, Provider]] = {}


def register(label: str, icon: str, provider: Provider) -> None:
    """Have `provider` asked for every search; its hits stand under `label`."""
    PROVIDERS[label] = (icon, provider)


def find(actor: Actor, text: str) -> list[Group]:
    """What the apps know of the text, in the order in which they registered; groups without a hit are left out."""
    autodiscover_modules("search")
    wanted = " ".join(text.split())[:LONGEST]
    if not wanted or "\x00" in wanted:
        return []
    found = [
        Group(label, icon, list(islice(provider(actor, wanted), LIMIT)))
        for label, (icon, provider) in PROVIDERS.items()
    ]
    return [group for group in found if group.hits]


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """The results, or the thing itself when the text names exactly one."""
    actor = cast(Actor, request.actor)  # type: ignore[attr-defined]
    if not actor.is_authenticated:
        raise NotSignedIn("Sign in first.")
    text = request.GET.get("q", "").strip()
    groups = find(actor, text)
    exact = {hit.url for group in groups for hit in group.hits if hit.exact}
    if len(exact) == 1:
        return redirect(exact.pop())
    return render(request, "search/results.html", {"q": text[:LONGEST], "groups": groups})
