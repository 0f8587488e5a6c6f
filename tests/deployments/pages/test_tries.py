"""Trying an endpoint whose gateway asks for keys, through a real router."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from tests.deployments.conftest import Line
from tests.deployments.pages.conftest import Browser
from tests.serving import plane as planes

pytestmark = pytest.mark.django_db
PAGE = "/endpoints/production/flight-delay/"
KEY = "sbk_example"


@pytest.fixture
def keyed(tmp_path: Path, settings: Settings) -> Iterator[None]:
    """A router that asks for keys, with a route to a revision that is not there: past the door waits a 503."""
    with planes.running(tmp_path, ("router", "agent"), SIGNALBOX_GATEWAY_KEYS="required") as plane:
        plane.stop("router")
        plane.stop("agent")
        plane.settings.places.routes_map.write_text("production/flight-delay 1:0:00::s:rev:\n")
        plane.settings.places.keys_map.write_text(
            f"{hashlib.sha256(KEY.encode()).hexdigest()}/production/flight-delay 1\n"
        )
        plane.start("router")
        plane.await_router()
        settings.SIGNALBOX_GATEWAY_URL = plane.gateway_url
        yield


@pytest.mark.usefixtures("keyed")
def test_the_key_goes_with_the_call_and_stands_nowhere(line: Line, browser: Callable[..., Browser]) -> None:
    line.promote(1)
    priya = browser(line.priya)

    def tried(**fields: str) -> str:
        return str(priya.send(PAGE, f"{PAGE}try/", **fields).content.decode())

    assert "status 401" in tried()
    assert "status 401" in tried(key="sbk_wrong")
    let_in = tried(key=KEY)
    assert "status 503" in let_in
    assert KEY not in let_in
