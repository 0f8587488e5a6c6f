"""A freeze stands as a band on every page that is about something in its environment."""

from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse

from deployments.engine import wording
from deployments.engine.steps import Shadow
from deployments.models import Rollout, ShadowRun
from deployments.services import keys, promotions
from portal.core import clock
from tests import world
from tests.access.routes import all_routes
from tests.deployments import bypassing
from tests.deployments.conftest import Line
from tests.deployments.pages.conftest import Browser
from tests.deployments.rolling import Rolling
from tests.deployments.testing_ab import STEPS, begun
from tests.pages.routes import NO_PAGE

pytestmark = pytest.mark.django_db
PLACES = ("endpoints/<", "environments/<", "promotions/<", "bypasses/<")
ASKED = ("deployments:rollout_pause", "deployments:rollout_abort", "deployments:rollout_advance")
BAND = "<strong>Frozen with no end in sight: Ice age.</strong>"


def pages() -> list[tuple[str, str]]:
    """Name and pattern of every page about one environment or something in it."""
    known = [(route.name, str(route.pattern.pattern)) for route in all_routes() if "GET" in route.methods]
    return [
        (name, pattern)
        for name, pattern in known
        if name.startswith("deployments:") and pattern.startswith(PLACES) and (name not in NO_PAGE or name in ASKED)
    ]


def filled(line: Line) -> dict[str, dict[str, Any]]:
    """A frozen environment with a rollout, its reports, a key, a request and its bypass: what addresses name of it."""
    rolling, lead = begun(Rolling(line, steps=STEPS)), world.actor(line.marta)
    now, place = clock.now(), {"environment": "production", "name": "flight-delay"}
    plan = [*rolling.row.plan, *wording.pinned([Shadow(seconds=60)])]
    Rollout.objects.update(plan=plan)
    ShadowRun.objects.create(rollout=rolling.row, step=len(plan) - 1, began_at=now, read_at=now)
    world.step_up(lead, keys.binding(rolling.row.endpoint))
    key = keys.create(actor=lead, environment="production", endpoint="flight-delay", name="desk").key
    world.production(**bypassing.CLOCKED)
    world.version(world.model("other", line.team), line.priya)
    asked: dict[str, Any] = {"model": "other", "version": 1, "environment": "production", "why": "Try it."}
    request = promotions.submit(actor=world.actor(line.priya), **asked)
    bypass = bypassing.asked_in_a_freeze(request, world.actor(line.priya))
    return {
        "endpoints/<": place | {"number": rolling.row.pk, "key_id": key.pk},
        "environments/<": {"name": "production"},
        "promotions/<": {"number": request.pk},
        "bypasses/<": {"number": bypass.pk},
    }


def test_every_page_of_a_frozen_environment_says_so_once(line: Line, browser: Callable[..., Browser]) -> None:
    named, found = filled(line), {}
    marta, ada = browser(line.marta), browser(world.person("Ada Min", ("administrator", None)))
    asked = "/promotions/{number}/".format(**named["promotions/<"])
    marta.send(asked, f"{asked}decision/", decision="approve", looked_at=marta.warnings(asked))
    for name, pattern in pages():
        given = next(values for place, values in named.items() if pattern.startswith(place))
        path = reverse(name, kwargs={key: value for key, value in given.items() if f":{key}>" in pattern})
        answers = [reader.client.get(path) for reader in (marta, ada)]
        answer = next((one for one in answers if one.status_code == 200), answers[0])
        found[name] = (answer.status_code, answer.content.decode().count(BAND))
    assert len(found) >= 19
    assert {name: seen for name, seen in found.items() if seen != (200, 1)} == {}
    asking = "/promotions/new/?model=flight-delay&version=3&environment=production"
    assert marta.open(asking).count(BAND) == 1
    assert BAND not in marta.open("/promotions/")
