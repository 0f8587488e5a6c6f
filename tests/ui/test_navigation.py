"""Wherever one is, the menu shows to which of its entries the page belongs."""

import pytest
from django.test import RequestFactory

from portal.ui.context import Shell
from tests import world

BELONGS = {
    "/": ["Inbox"],
    "/endpoints/production/flight-delay/": ["Endpoints"],
    "/environments/": ["Endpoints"],
    "/environments/production/plan/": ["Endpoints"],
    "/plans/": ["Endpoints"],
    "/plans/canary/edit/": ["Endpoints"],
    "/promotions/7/": ["Promotions"],
    "/bypasses/": ["Promotions"],
    "/models/flight-delay/": ["Models"],
    "/runs/4711/": ["Models"],
    "/settings/people/": ["Settings"],
    "/settings/teams/": ["Settings"],
    "/settings/policies/3/": ["Settings"],
    "/me/": [],
}


@pytest.mark.django_db
def test_each_page_belongs_to_its_entry_of_the_menu() -> None:
    actor, found = world.actor(world.person("Ada Min", ("administrator", None))), {}
    for path in BELONGS:
        request = RequestFactory().get(path)
        request.actor = actor  # type: ignore[attr-defined]
        found[path] = [entry.label for entry in Shell(request).entries if entry.current]
    assert found == BELONGS
