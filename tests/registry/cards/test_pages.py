"""The card on the version's page, and the page on which a section is written."""

from html import unescape

import pytest
from django.test import Client

from registry.models import CardText, ModelVersion
from registry.selectors import cards as read
from tests import world

pytestmark = pytest.mark.django_db


@pytest.fixture
def version() -> ModelVersion:
    return world.version(world.model())


@pytest.fixture
def priya(version: ModelVersion) -> Client:
    client = Client()
    client.force_login(world.person("Priya", ("data_scientist", version.model.team)))
    return client


def test_the_page_says_what_is_unknown_and_shows_text_as_text(priya: Client, version: ModelVersion) -> None:
    page, edit = "/models/flight-delay/versions/1/", "/models/flight-delay/versions/1/card/risks/edit/"
    assert "UNKNOWN" in priya.get(page).content.decode()
    said = "<script>alert(1)</script> " + "long" * 300
    assert priya.post(edit, {"text": said, "seen": ""}).status_code == 303
    shown = priya.get(page).content.decode()
    assert "<script>alert" not in shown
    assert said in unescape(shown)
    stale = priya.post(edit, {"text": "Mine.", "seen": ""})
    assert stale.status_code == 409
    assert CardText.objects.count() == 1


def test_saving_an_inherited_text_unchanged_confirms_it(priya: Client, version: ModelVersion) -> None:
    priya.post("/models/flight-delay/versions/1/card/risks/edit/", {"text": "Storms.", "seen": ""})
    second = world.version(version.model)
    edit = "/models/flight-delay/versions/2/card/risks/edit/"
    assert "written for v1" in priya.get(edit).content.decode()
    priya.post(edit, {"text": "Storms.", "seen": read.texts(second)["risks"].digest})
    assert read.texts(second)["risks"].version == 2


def test_reading_a_card_takes_few_queries_however_much_was_written(
    priya: Client, version: ModelVersion, django_assert_max_num_queries: object
) -> None:
    for section in ("risks", "limitations", "oversight", "rollback", "monitoring", "affected"):
        priya.post(f"/models/flight-delay/versions/1/card/{section}/edit/", {"text": "Yes.", "seen": ""})
    with django_assert_max_num_queries(14):  # type: ignore[operator]
        read.of(ModelVersion.objects.select_related("model__team").get())
