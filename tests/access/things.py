"""Models, endpoints, promotions and log entries of the matrix; all belong to the team "Flight operations"."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings

from deployments.adapters import serving
from deployments.models import Endpoint, Environment, PromotionRequest, Rollout
from deployments.selectors import policies as select
from deployments.services import dossiers, keys, policies, promotions
from monitoring.adapters import probes
from portal.accounts.models import Person
from portal.audit.models import AuditEvent
from portal.auditors.selectors.events import Filter
from portal.auditors.services import exports
from portal.core import work
from registry.models import Experiment, RegisteredModel, Run
from registry.services import batch_predictions, datasets, evaluations
from tests import memory_mlflow
from tests import world as make
from tests.access_matrix import ADMIN, AUDITOR, LEAD, SCIENTIST
from tests.accounts import people
from tests.deployments import bypassing
from tests.deployments.memory_runtime import MemoryRuntime
from tests.memory_mlflow import HoldsAll

REPORT = f"1/{'a' * 32}/artifacts/report.txt"


@contextmanager
def nothing_else_runs(monkeypatch: Any) -> Iterator[None]:
    """Serving and MLflow in memory; everything else the portal asks is away."""

    def away(*_: Any) -> None:
        raise probes.Away("not part of this test")

    for name in ("mlflow", "agent", "gateway"):
        monkeypatch.setattr(probes, name, away)
    monkeypatch.setattr(settings, "SIGNALBOX_GATEWAY_URL", "http://127.0.0.1:9")
    serving.use(MemoryRuntime())
    with memory_mlflow.using(HoldsAll()) as mlflow:
        mlflow.stored[REPORT] = b"ok."
        yield
    serving.use(None)


def _run(world: Any, model: RegisteredModel) -> Run:
    experiment = Experiment.objects.create(mlflow_id="1", name="delays", team=world.team, created_by="system")
    files = [{"path": "report.txt", "size": 3}]
    return Run.objects.create(run_id="a" * 32, experiment=experiment, name="first", status="FINISHED", artifacts=files)


def _promoted(model: RegisteredModel, version: int, asks: Person, decide: list[Person]) -> None:
    """Asked for, approved by two, carried out."""
    row = promotions.submit(
        actor=make.actor(asks), model=model.name, version=version, environment="production", why="It is better."
    )
    for person in decide:
        row.refresh_from_db()
        actor = make.actor(person)
        make.step_up(actor, promotions.binding(row.pk, row.evidence_digest, "approve"))
        promotions.approve(actor=actor, number=row.pk, seen=row.evidence_digest)
    work.drain()


def _changes(world: Any) -> dict[str, Any]:
    """A draft of the administrator, and what another administrator proposed."""
    alex, ruth = world.people[ADMIN], people.person("Ruth Rules", ("administrator", None))
    found = {}
    for name, who, where in (("policy_draft", alex, "production"), ("policy_proposal", ruth, "staging")):
        rules = select.in_force(Environment.objects.get(name=where).pk).content | {"request_days": 3}
        found[name] = policies.draft(actor=make.actor(who), environment=where, rules=rules)
    row = found["policy_proposal"]
    found["policy_proposal"] = policies.propose(actor=make.actor(ruth), change_id=row.pk, seen=row.digest)
    return found


def build(world: Any) -> None:
    """Two versions promoted one after the other, a third waiting, a run, an export of the log."""
    make.production()
    uploader = people.person("Ulla Loader", ("data_scientist", world.team))
    deciders = [people.person(f"Decider {n}", ("ml_lead", world.team)) for n in (1, 2)]
    model = make.model("flight-delay", world.team)
    for _ in range(4):
        make.version(model, uploader)
    for number in (1, 2):
        _promoted(model, number, uploader, deciders)
    make.production(**bypassing.CLOCKED)
    waiting = promotions.submit(
        actor=make.actor(world.people[SCIENTIST]), model=model.name, version=3, environment="production", why="Fresher."
    )
    asked = bypassing.asked_in_a_freeze(waiting, make.actor(world.people[SCIENTIST]))
    auditor = make.actor(world.people[AUDITOR])
    data_set = datasets.create(actor=make.actor(world.people[SCIENTIST]), name="flights", team=world.team.slug)
    datasets.register_version(
        actor=make.actor(world.people[SCIENTIST]), name="flights", source={"kind": "folder", "path": "/srv/flights"}
    )
    ready_data = make.data_version("labelled", world.team)
    first = model.versions.get(number=1)
    make.scanned(first)
    world.facts |= _changes(world) | {
        "ready_data": ready_data,
        "evaluation": evaluations.request(actor=make.SYSTEM, version=first, data=ready_data, settings={"task": "x"}),
        "batch": batch_predictions.request(
            actor=make.SYSTEM, version=first, data=ready_data, settings={"keep": [], "inputs": []}, serving=[]
        ),
        "data_set": data_set,
        "model": model,
        "run": _run(world, model),
        "endpoint": Endpoint.objects.get(),
        "rollout": Rollout.objects.order_by("-pk")[0],
        "promotion": PromotionRequest.objects.get(pk=waiting.pk),
        "bypass": asked,
        "key": keys.create(actor=make.SYSTEM, environment="production", endpoint="flight-delay", name="kiosk").key,
        "dossier": dossiers.ask(actor=auditor, number=waiting.pk),
        "event": AuditEvent.objects.filter(type="promotion.submitted")[0],
        "export": exports.ask(actor=auditor, wanted=Filter()),
        "lead": make.actor(world.people[LEAD]),
    }
