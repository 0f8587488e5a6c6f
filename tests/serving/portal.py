"""The portal beside a real data plane: people, models with versions of the zoo, and requests that are approved."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from deployments.adapters import serving
from deployments.adapters.serving import Agent
from deployments.models import PromotionRequest, Rollout, RouteTable
from deployments.services import plans, promotions
from portal.accounts.models import Person, Team
from portal.core import clock, work
from tests import memory_mlflow, world
from tests.memory_mlflow import HoldsAll
from tests.serving.plane import Plane
from tests.serving.zoo import Zoo
from tests.waiting import wait_until


@dataclass
class Portal:
    """Endpoints in production, each of a model of its own name; its versions are models of the zoo by their names."""

    plane: Plane
    models: Zoo
    team: Team
    author: Person
    leads: tuple[Person, Person]

    def open(self, endpoint: str, *names: str) -> None:
        """A model with these versions, the first of which is asked for and approved."""
        model = world.model(endpoint, self.team)
        uploader = world.person("Ulla Loader", ("data_scientist", self.team))
        for name in names:
            world.version(model, uploader, digest=self.models.versions[name].digest)
        self.promote(endpoint, 1)

    def promote(self, endpoint: str, version: int, plan: str = "at-once", **more: Any) -> PromotionRequest:
        row = promotions.submit(
            actor=world.actor(self.author), model=endpoint, version=version, environment="production",
            why="A test of the whole way.", plan=plan, **more,
        )  # fmt: skip
        for lead in self.leads:
            row.refresh_from_db()
            actor = world.actor(lead)
            world.step_up(actor, promotions.binding(row.pk, row.evidence_digest, "approve"))
            promotions.approve(actor=actor, number=row.pk, seen=row.evidence_digest)
        return row

    def write_plan(self, name: str, *steps: dict[str, Any]) -> None:
        plans.create(actor=world.actor(self.leads[0]), name=name, body={"steps": list(steps)})

    def rollout(self, endpoint: str) -> Rollout:
        """The newest one of an endpoint."""
        return Rollout.objects.select_related("request").filter(endpoint__name=endpoint).order_by("-pk")[0]

    def look(self, endpoint: str) -> str:
        """A worker comes by; the rollout's status then."""
        pk = self.rollout(endpoint).pk
        Rollout.objects.filter(pk=pk).update(next_reconcile_at=clock.now())
        work.do("deployments.rollout", pk)
        return self.rollout(endpoint).status

    def until(self, endpoint: str, *statuses: str) -> None:
        wait_until(lambda: self.look(endpoint) in statuses, 90, f"the rollout to be one of {statuses}")

    def tables(self, endpoint: str) -> list[RouteTable]:
        """Every desired table, oldest first."""
        return list(RouteTable.objects.filter(endpoint__name=endpoint).order_by("pk"))


@contextmanager
def beside(plane: Plane, models: Zoo, runtime: type[Agent] = Agent) -> Iterator[Portal]:
    """A portal whose agent is the plane's; the caller has the database and the store's setting."""
    team = world.team()
    world.production()
    leads = (world.person("Marta", ("ml_lead", team)), world.person("Daniel", ("ml_lead", team)))
    author = world.person("Priya", ("data_scientist", team), ("operator", team))
    with closing(runtime(f"unix:{plane.settings.places.agent_socket}")) as agent, memory_mlflow.using(HoldsAll()):
        serving.use(agent)
        try:
            yield Portal(plane, models, team, author, leads)
        finally:
            serving.use(None)
