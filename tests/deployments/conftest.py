from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from deployments.adapters import serving
from deployments.models import PromotionRequest
from deployments.services import promotions
from portal.accounts.models import Person, Team
from portal.core import work
from registry.models import RegisteredModel
from tests import memory_mlflow, world
from tests.deployments.memory_runtime import MemoryRuntime
from tests.memory_mlflow import HoldsAll


@pytest.fixture
def runtime() -> Iterator[MemoryRuntime]:
    found = MemoryRuntime()
    serving.use(found)
    with memory_mlflow.using(HoldsAll()):
        yield found
    serving.use(None)


@dataclass
class Line:
    """Three people and a model: Priya asks, Marta and Daniel decide, Olga looks in from another team."""

    team: Team
    priya: Person
    marta: Person
    daniel: Person
    olga: Person
    model: RegisteredModel
    runtime: MemoryRuntime
    seen: dict[int, str] = field(default_factory=dict)

    def submit(self, version: int, why: str = "It is better on March.") -> PromotionRequest:
        return promotions.submit(
            actor=world.actor(self.priya), model=self.model.name, version=version, environment="production", why=why
        )

    def approve(self, row: PromotionRequest, who: Person) -> PromotionRequest:
        row.refresh_from_db()
        actor = world.actor(who)
        world.step_up(actor, promotions.binding(row.pk, row.evidence_digest, "approve"))
        return promotions.approve(actor=actor, number=row.pk, seen=row.evidence_digest)

    def promote(self, version: int) -> PromotionRequest:
        """All the way: asked, approved by two, carried out."""
        row = self.submit(version)
        self.approve(row, self.marta)
        self.approve(row, self.daniel)
        work.drain()
        row.refresh_from_db()
        return row


@pytest.fixture
def line(db: None, runtime: MemoryRuntime) -> Line:
    team = world.team()
    world.production()
    model = world.model(where=team)
    uploader = world.person("Ulla Loader", ("data_scientist", team))
    for _ in range(3):
        world.version(model, uploader)
    return Line(
        team=team,
        priya=world.person("Priya Nair", ("data_scientist", team)),
        marta=world.person("Marta Kowalska", ("ml_lead", team)),
        daniel=world.person("Daniel Osei", ("ml_lead", team)),
        olga=world.person("Olga Out", ("ml_lead", world.team("other"))),
        model=model,
        runtime=runtime,
    )
