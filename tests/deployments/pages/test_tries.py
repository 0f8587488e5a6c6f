"""Trying an endpoint whose gateway asks for keys, through a real router."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from deployments.models import Endpoint
from deployments.services import keys
from tests.deployments.conftest import Line
from tests.deployments.pages.conftest import Browser
from tests.serving import plane as planes
from tests.serving.plane import Plane

pytestmark = pytest.mark.django_db
PAGE = "/endpoints/production/flight-delay/"


@pytest.fixture
def keyed(tmp_path: Path, settings: Settings) -> Iterator[Plane]:
    """A router that asks for keys, with a route to a revision that is not there: past the door waits a 503."""
    with planes.running(tmp_path, ("router", "agent"), SIGNALBOX_GATEWAY_KEYS="required") as plane:
        plane.stop("router")
        plane.stop("agent")
        plane.settings.places.routes_map.write_text("production/flight-delay 1:0:00::s:rev:\n")
        plane.start("router")
        plane.await_router()
        settings.SIGNALBOX_GATEWAY_URL = plane.gateway_url
        yield plane


def test_the_portals_own_key_goes_with_the_call_and_stands_nowhere(
    line: Line, browser: Callable[..., Browser], keyed: Plane
) -> None:
    line.promote(1)
    priya, endpoint = browser(line.priya), Endpoint.objects.get()

    def tried() -> str:
        return str(priya.send(PAGE, f"{PAGE}try/").content.decode())

    assert "status 401" in tried()
    rows = "".join(f"{one}/production/flight-delay 1\n" for one in keys.hashes(endpoint))
    keyed.settings.places.keys_map.write_text(rows)
    keyed.stop("router")
    keyed.start("router")
    keyed.await_router()
    let_in = tried()
    assert "status 503" in let_in
    assert keys.own(endpoint) not in let_in
