"""Whole lives of rollouts, for tests that disturb whoever carries them out, and what is left of a life in the end.

A life is a generator: people act or time passes, and at each `yield` the workers come by. Disturbed in any way it has
to leave what it leaves undisturbed: the same statuses, the same tables in the same order, each act once in the log.
"""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F

from deployments.models import AbRun, Endpoint, Measurement, PromotionRequest, Revision, Rollout, RouteTable, ShadowRun
from deployments.services import promotions, rollbacks, rollouts
from portal.audit.models import AuditEvent
from portal.core import clock, leases, work
from registry.models import AliasAssignment
from tests import world
from tests.deployments.conftest import Line
from tests.deployments.rolling import GUARDS, Rolling, measures, resume

KINDS = ("deployments.rollout", "deployments.endpoint", "deployments.promotion")
Life = Callable[[Rolling], Iterator[None]]
Left = dict[str, Any]
GOOD: dict[str, Any] = {"requests": 18_000, "slow": 360}
SAME: dict[str, Any] = {"requests": 2000, "slow": 40}
BAD: dict[str, Any] = {"requests": 2000, "slow": 40, "errors": 400}
RIGHT = {"name": "Right", "from": "correct", "better": "higher", "smallest": 0.01}
EVERY_KIND: list[dict[str, Any]] = [
    {"do": "shadow", "until": {"seconds": 5}},
    {"do": "weight", "weight": 5000},
    {"do": "ab_test", "until": {"seconds": 5}, "metrics": [RIGHT], "threshold": 0.5},
    {"do": "switch"},
]
JUDGED: list[dict[str, Any]] = [
    {"do": "weight", "weight": 1000},
    {"do": "analyse", "guards": GUARDS, "give_up": 600},
    {"do": "switch"},
]


def approved(rolling: Rolling) -> None:
    """Version 2 is asked for and decided on, and nobody has come by yet."""
    decided(rolling, rolling.ask(2))


def superseded(rolling: Rolling) -> None:
    """So is version 3, by somebody who may end the rollout of version 2."""
    lead = world.actor(world.person("Lena Lead", ("ml_lead", rolling.line.team)))
    asked = promotions.submit(
        actor=lead, model=rolling.line.model.name, version=3, environment="production", why="It is better still.",
        plan="slowly", supersede=True,
    )  # fmt: skip
    decided(rolling, asked)


def decided(rolling: Rolling, request: PromotionRequest) -> None:
    rolling.line.approve(request, rolling.line.marta)
    rolling.line.approve(request, rolling.line.daniel)


def passes(seconds: float) -> None:
    """Time passes for whatever is under way, and all of it is due."""
    past, now = timedelta(seconds=seconds), clock.now()
    Rollout.objects.exclude(next_reconcile_at=None).update(step_began_at=F("step_began_at") - past)
    Measurement.objects.update(began_at=F("began_at") - past, read_at=F("read_at") - past)
    AbRun.objects.filter(ended_at=None).update(read_at=F("read_at") - past)
    for model in (Rollout, Endpoint, PromotionRequest):
        model.objects.exclude(next_reconcile_at=None).update(next_reconcile_at=now)


def every_kind(rolling: Rolling) -> Iterator[None]:
    """A shadow, an A/B test that a person decides, then all of the traffic."""
    yield
    passes(6)
    yield
    passes(6)
    yield
    resume(actor=world.actor(rolling.line.marta), number=rolling.row.pk)
    yield


def there_and_back(rolling: Rolling) -> Iterator[None]:
    """As above; then it is rolled back, and the version taken away."""
    yield from every_kind(rolling)
    roll_back(rolling)
    yield
    passes(20)
    yield


def stopped(rolling: Rolling) -> Iterator[None]:
    """A tenth of the traffic, errors, and back by itself; then the version is taken away."""
    yield
    rolling.answered(GOOD, BAD)
    passes(5)
    yield
    passes(20)
    yield


def whole(rolling: Rolling) -> Iterator[None]:
    """Steps, paused and resumed, superseded by the next version, which goes all the way and is rolled back."""
    marta, daniel = world.actor(rolling.line.marta), world.actor(rolling.line.daniel)
    yield
    rollouts.pause(actor=marta, number=rolling.row.pk)
    yield
    passes(5)
    resume(actor=daniel, number=rolling.row.pk)
    yield
    superseded(rolling)
    yield
    passes(20)
    yield
    new, old = rolling.revision(3), rolling.revision(1)
    rolling.line.runtime.measured |= {
        old: measures(old, "stable", **GOOD), new: measures(new, "canary", **SAME),
    }  # fmt: skip
    passes(5)
    yield
    roll_back(rolling)
    yield
    passes(20)
    yield


def aborted(rolling: Rolling) -> Iterator[None]:
    """Under way, and taken back by a person."""
    yield
    rollouts.abort(actor=world.actor(rolling.line.marta), number=rolling.row.pk, reason_code="quality")
    yield


def roll_back(rolling: Rolling) -> Rollout:
    return rollbacks.roll_back(
        actor=world.actor(rolling.line.marta), environment="production", endpoint="flight-delay",
        reason_code="quality", expect_generation=Endpoint.objects.get().generation,
    )  # fmt: skip


def come_by(do: Callable[[str, int], bool] = work.do) -> None:
    """Workers come by until nothing is due of what a rollout touches: a sweep, without the rest of the house."""
    for _ in range(50):
        if not [pk for name in KINDS for pk in leases.due(work.KINDS[name].model) if do(name, pk)]:
            return
    raise AssertionError("it never comes to rest")


def run_out() -> None:
    """Time passes for the leases: whoever holds one has held it for too long."""
    for name in KINDS:
        held = work.KINDS[name].model._default_manager.exclude(lease_until=None)
        held.update(lease_until=clock.now() - timedelta(seconds=1))


def live(life: Iterator[None], come_by: Callable[[], object] = come_by) -> None:
    """To its end, the workers coming by after each act."""
    for _ in life:
        come_by()


def left(line: Line) -> Left:
    """What a life has left, without what differs from run to run: keys, times, and the salts of draws."""
    names = {str(row.pk): f"r{row.number} v{row.version.number}" for row in Revision.objects.select_related("version")}

    def name(pk: object) -> str:
        return names.get(str(pk), "")

    endpoint = Endpoint.objects.get()
    return {
        "rollouts": [
            (row.kind, row.status, name(row.from_revision_id), name(row.to_revision_id), row.step, row.note)
            for row in Rollout.objects.order_by("pk")
        ],
        "requests": list(PromotionRequest.objects.order_by("pk").values_list("version__number", "status")),
        "revisions": [(name(row.pk), row.status) for row in Revision.objects.order_by("pk")],
        "endpoint": (name(endpoint.stable_id), name(endpoint.previous_id), endpoint.generation),
        "aliases": list(AliasAssignment.objects.order_by("pk").values_list("version__number", flat=True)),
        "tables": [
            (row.generation, name(row.stable_id), name(row.canary_id), row.stable_weight, row.canary_weight)
            for row in RouteTable.objects.order_by("generation")
        ],
        "in force": [(one.generation, name(one.stable), name(one.canary), one.cut) for one in line.runtime.routed],
        "loaded": sorted(map(name, line.runtime.loaded)),
        "shadows": [(name(spec.revision)) for spec, _ in line.runtime.shadows.values()],
        "reports": (ShadowRun.objects.filter(ended_at=None).count(), AbRun.objects.filter(ended_at=None).count()),
        "log": log(),
    }  # fmt: skip


def log() -> dict[str, list[str]]:
    """The verbs since the endpoint was made, in their order, for each thing they are about."""
    found: dict[tuple[str, str], list[str]] = {}
    events = AuditEvent.objects.filter(at__gte=Endpoint.objects.get().created_at).order_by("id")
    for kind, pk, verb in events.values_list("subject_type", "subject_id", "type"):
        found.setdefault((kind, pk), []).append(verb)
    seen: dict[str, int] = {}
    named = {}
    for (kind, _), verbs in sorted(found.items(), key=lambda item: (item[0][0], len(item[0][1]), item[0][1])):
        seen[kind] = seen.get(kind, 0) + 1
        named[f"{kind} {seen[kind]}"] = verbs
    return named


@contextmanager
def undone(line: Line) -> Iterator[None]:
    """What happens inside is undone afterwards, in the database and in the runtime."""
    kept = copy.deepcopy(vars(line.runtime))
    try:
        with transaction.atomic():
            yield
            transaction.set_rollback(True)
    finally:
        vars(line.runtime).update(kept)


def differences(found: Left, wanted: Left) -> dict[str, tuple[Any, Any]]:
    """Only what differs, so that it can be read: what was found, and what should be there."""
    parts = {**found, **found["log"]}, {**wanted, **wanted["log"]}
    named = dict.fromkeys([*parts[0], *parts[1]])
    seen = {name: (parts[0].get(name), parts[1].get(name)) for name in named if name != "log"}
    return {name: both for name, both in seen.items() if both[0] != both[1]}
