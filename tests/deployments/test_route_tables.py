"""The weights of a route table stand in one row, and the database itself refuses any that are not the whole."""

import pytest
from django.db import DataError, IntegrityError, connection, transaction

from deployments.models import Endpoint, Revision, RouteTable
from tests.deployments.conftest import Line

pytestmark = pytest.mark.django_db


@pytest.fixture
def endpoint(line: Line) -> Endpoint:
    line.promote(1)
    line.promote(2)
    return Endpoint.objects.get()


def write(endpoint: Endpoint, generation: int, stable: int | str | None, canary: int | str | None) -> None:
    """A row as somebody at the database's own prompt would write it."""
    one, two = Revision.objects.filter(endpoint=endpoint).order_by("number")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO deployments_routetable "
            "(endpoint_id, generation, stable_id, canary_id, stable_weight, canary_weight, created_at) "
            "VALUES (%s, %s, %s, %s, %s, %s, now())",
            [endpoint.pk, generation, one.pk, two.pk, stable, canary],
        )


@pytest.mark.parametrize(
    ("stable", "canary"),
    [(11_000, -1000), (-1000, 11_000), (5000, 6000), (5000, 4000), (0, 0), (10_000, 10_000), (None, 0), (10_000, None),
     ("NaN", 0), ("{}", 0), ("", 0), ("Infinity", 0)],
)  # fmt: skip
def test_a_vector_that_is_not_the_whole_is_refused_by_the_database(
    endpoint: Endpoint, stable: int | str | None, canary: int | str | None
) -> None:
    known = RouteTable.objects.count()
    with pytest.raises((IntegrityError, DataError)):
        write(endpoint, 99, stable, canary)
    assert RouteTable.objects.count() == known


def test_a_vector_is_not_changed_by_halves(endpoint: Endpoint) -> None:
    first = RouteTable.objects.filter(endpoint=endpoint).order_by("pk")[0]
    for column in ("stable_weight", "canary_weight"):
        with pytest.raises(IntegrityError), transaction.atomic():
            RouteTable.objects.filter(pk=first.pk).update(**{column: 4000})


def test_a_share_without_a_revision_to_get_it_is_refused(endpoint: Endpoint) -> None:
    stable = Revision.objects.filter(endpoint=endpoint)[0]
    with pytest.raises(IntegrityError), transaction.atomic():
        RouteTable.objects.create(
            endpoint=endpoint, generation=99, stable=stable, stable_weight=5000, canary_weight=5000
        )


def test_a_number_is_given_once(endpoint: Endpoint) -> None:
    newest = RouteTable.objects.order_by("-generation")[0].generation
    with pytest.raises(IntegrityError):
        write(endpoint, newest, 9000, 1000)
