"""A worker that stood still while it set an alias in MLflow goes on: others have pointed the alias elsewhere meanwhile.

MLflow takes every write, so a late one can get there; it must be put right at once, and be nobody's drift.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.db import transaction

from portal.audit.models import AuditEvent
from portal.core import clock, work
from registry.models import AliasState, RegisteredModel
from registry.services import aliases
from tests import memory_mlflow, world
from tests.memory_mlflow import MemoryMlflow

pytestmark = pytest.mark.django_db


class Slow(MemoryMlflow):
    """Lets others act, once, at one of three points of a worker's look."""

    def __init__(self) -> None:
        super().__init__()
        self.at = ""
        self.others: Callable[[], object] = lambda: None

    def _reached(self, point: str) -> None:
        if self.at == point:
            self.at = ""
            AliasState.objects.update(lease_until=clock.now() - timedelta(seconds=1))
            self.others()

    def alias(self, model: str, alias: str) -> int | None:
        found = super().alias(model, alias)
        self._reached("it has looked")
        return found

    def set_alias(self, model: str, alias: str, number: int) -> None:
        self._reached("it is about to write")
        super().set_alias(model, alias, number)
        self._reached("it has written")


@pytest.fixture
def mlflow() -> Iterator[Slow]:
    found = Slow()
    with memory_mlflow.using(found):
        yield found


@pytest.fixture
def model(mlflow: Slow) -> RegisteredModel:
    """A model with two versions, here and in MLflow."""
    row, uploader = world.model(), world.person("Ulla Loader")
    mlflow.put_model(row.name)
    for _ in range(2):
        world.version(row, uploader)
        mlflow.put_version(row.name)
    return row


def point(model: RegisteredModel, number: int) -> AliasState:
    version = model.versions.get(number=number)
    with transaction.atomic():
        aliases.point(model=model, alias="champion", version=version, actor=world.SYSTEM, reason="")
    return AliasState.objects.get()


def look() -> bool:
    return work.do("registry.alias", AliasState.objects.get().pk)


def stands(mlflow: Slow, model: RegisteredModel) -> tuple[int, int | None]:
    """Where MLflow points it, and what is known of that."""
    return mlflow.aliases[model.name, "champion"], AliasState.objects.get().observed_number


def drifts() -> int:
    return AuditEvent.objects.filter(type="alias.drift_found").count()


@pytest.mark.parametrize(
    ("at", "left"), [("it has looked", (2, 2)), ("it is about to write", (1, None)), ("it has written", (2, None))]
)
def test_a_late_worker_points_it_nowhere_for_long(
    mlflow: Slow, model: RegisteredModel, at: str, left: tuple[int, int | None]
) -> None:
    point(model, 1)

    def others() -> None:
        point(model, 2)
        assert look()
        assert stands(mlflow, model) == (2, 2)

    mlflow.at, mlflow.others = at, others
    assert not look(), "it was replaced"
    assert mlflow.at == ""
    assert stands(mlflow, model) == left
    assert look() is (left[1] is None), "what is unknown is looked at soon"
    assert (*stands(mlflow, model), drifts()) == (2, 2, 0)


def test_what_it_took_for_drift_is_what_was_promoted_meanwhile(mlflow: Slow, model: RegisteredModel) -> None:
    point(model, 1)
    assert look()
    mlflow.aliases[model.name, "champion"] = 2
    AliasState.objects.update(next_reconcile_at=clock.now())

    def others() -> None:
        point(model, 2)
        assert look()

    mlflow.at, mlflow.others = "it has looked", others
    assert not look()
    assert (*stands(mlflow, model), drifts()) == (2, 2, 0)


def test_a_move_behind_our_back_is_put_back_and_recorded_once(mlflow: Slow, model: RegisteredModel) -> None:
    """Control."""
    point(model, 1)
    assert look()
    mlflow.aliases[model.name, "champion"] = 2
    AliasState.objects.update(next_reconcile_at=clock.now())
    assert look()
    assert (*stands(mlflow, model), drifts()) == (1, 1, 1)
