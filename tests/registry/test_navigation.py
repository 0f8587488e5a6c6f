"""The line over every page when MLflow has not been read for a while."""

from datetime import timedelta

import pytest

from portal.core import actors, clock
from portal.ui import nav, text
from registry.models import MirrorPass
from registry.navigation import banner
from tests import world

pytestmark = pytest.mark.django_db


def read_ago(**ago: float) -> MirrorPass:
    return MirrorPass.objects.update_or_create(pk=1, defaults={"at": clock.now() - timedelta(**ago)})[0]


def test_it_says_since_when_and_what_goes_on() -> None:
    row = read_ago(minutes=3, seconds=1)
    somebody = world.actor(world.person("Vera Viewer", ("viewer", None)))
    (line,) = banner(somebody)
    assert line.tone == "warn"
    assert text.stamp(row.at) in line.text
    assert "Decisions, serving and rollback go on" in line.text
    assert banner in nav.BANNERS


@pytest.mark.parametrize("minutes", [0, 2.9])
def test_a_pass_that_is_missed_once_or_twice_is_no_news(minutes: float) -> None:
    read_ago(minutes=minutes)
    assert banner(world.actor(world.person("Vera Viewer", ("viewer", None)))) == []


def test_before_the_first_pass_there_is_nothing_to_say() -> None:
    assert banner(world.actor(world.person("Vera Viewer", ("viewer", None)))) == []


def test_nobody_learns_it_without_signing_in() -> None:
    read_ago(hours=1)
    assert banner(actors.ANONYMOUS) == []
