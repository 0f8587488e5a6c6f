"""The list of models over the API: where their aliases point, in a number of queries that does not grow with it."""

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from registry.models import RegisteredModel
from registry.services import aliases
from tests import world

pytestmark = pytest.mark.django_db
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


@pytest.fixture
def viewer() -> Client:
    client = Client()
    client.force_login(world.person("Vera Viewer", ("viewer", None)), backend=BACKEND)
    return client


@transaction.atomic
def model_with_aliases(name: str) -> RegisteredModel:
    """Two versions; `candidate` has moved from the first to the second, `old` is gone again."""
    row = world.model(name)
    first, second = world.version(row), world.version(row)
    for alias, version in (("candidate", first), ("candidate", second), ("steady", first), ("old", first)):
        aliases.note_pointed(actor=world.SYSTEM, model=row, alias=alias, version=version, reason="a test")
    aliases.note_deleted(actor=world.SYSTEM, model=row, alias="old", reason="a test")
    return row


def test_each_model_shows_where_its_aliases_point_now(viewer: Client) -> None:
    model_with_aliases("a-model")
    world.model("b-model")
    rows = viewer.get("/api/v1/models/").json()["results"]
    assert [(row["name"], row["aliases"]) for row in rows] == [
        ("a-model", {"candidate": 2, "steady": 1}),
        ("b-model", {}),
    ]
    assert viewer.get("/api/v1/models/a-model/").json()["aliases"] == {"candidate": 2, "steady": 1}


def test_more_models_take_no_more_queries(viewer: Client) -> None:
    model_with_aliases("a-model")
    viewer.get("/api/v1/models/")
    with CaptureQueriesContext(connection) as few:
        viewer.get("/api/v1/models/")
    for number in range(10):
        model_with_aliases(f"other-{number}")
    with CaptureQueriesContext(connection) as many:
        answer = viewer.get("/api/v1/models/")
    assert len(answer.json()["results"]) == 11
    assert len(many) == len(few), [query["sql"] for query in many.captured_queries]
