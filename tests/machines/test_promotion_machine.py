"""Random people, workers, faults and clocks against the verbs on a real PostgreSQL, beside a dozen lines of model.

After every step: rows agree with the model, every change has its event, four eyes hold, one open request and one
active rollout per endpoint, the champion points at a version that serves, and traffic is never lost.
"""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import F
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from deployments.adapters import serving
from deployments.models import Approval, Endpoint, PromotionRequest, Revision, Rollout, RouteTable
from deployments.services import plans, promotions, rollbacks, rollouts
from deployments.states import promotion as promotion_states
from deployments.states import rollout as rollout_states
from portal.accounts.models import StepUp
from portal.audit import recorder
from portal.audit.models import AuditEvent
from portal.core import clock, work
from portal.core.errors import PortalError
from registry.adapters import mlflow_rest
from registry.models import AliasAssignment
from tests import world
from tests.deployments.memory_runtime import MemoryRuntime
from tests.memory_mlflow import HoldsAll

PLANS = ("", "blue-green", "canary", "halves")
PEOPLE = ("priya", "marta", "daniel", "lena", "olga")
OPEN = [*promotion_states.OPEN, "rolling_out"]


class PromotionMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.runtime = MemoryRuntime()
        serving.use(self.runtime)
        mlflow_rest.use(HoldsAll())
        team = world.team()
        world.production()
        self.model = world.model(where=team)
        self.people = {
            "priya": world.person("Priya", ("data_scientist", team)),
            "marta": world.person("Marta", ("ml_lead", team)),
            "daniel": world.person("Daniel", ("ml_lead", team)),
            "lena": world.person("Lena", ("ml_lead", team), ("data_scientist", team)),
            "olga": world.person("Olga", ("ml_lead", world.team("other"))),
        }
        for _ in range(3):
            world.version(self.model, self.people["lena"])
        halves = [{"do": "weight", "weight": 5000}, {"do": "pause", "until": {"seconds": 20}}, {"do": "switch"}]
        plans.create(actor=world.SYSTEM, name="halves", body={"steps": halves})
        self.ever_served = False

    def teardown(self) -> None:
        serving.use(None)
        mlflow_rest.use(None)
        self.atomic.__exit__(ValueError, ValueError("undo"), None)

    def attempt(self, act: Any) -> bool:
        """Carry a verb out in a savepoint; a refusal leaves everything as it was."""
        before = AuditEvent.objects.count()
        try:
            with transaction.atomic():
                act()
        except PortalError:
            assert AuditEvent.objects.count() == before
            return False
        assert AuditEvent.objects.count() > before
        return True

    def newest(self) -> PromotionRequest | None:
        return PromotionRequest.objects.order_by("-pk").first()

    @rule(who=st.sampled_from(PEOPLE), version=st.integers(1, 3), plan=st.sampled_from(PLANS), over=st.booleans())
    def ask(self, who: str, version: int, plan: str = "", over: bool = False) -> None:
        actor = world.actor(self.people[who])
        before = PromotionRequest.objects.filter(status__in=OPEN).first()
        done = self.attempt(
            lambda: promotions.submit(
                actor=actor,
                model=self.model.name,
                version=version,
                environment="production",
                why="because",
                plan=plan,
                supersede=over,
            )
        )
        assert not (done and before and not (over and before.status == "rolling_out"))
        assert not (done and who == "olga")

    @rule(who=st.sampled_from(PEOPLE), look=st.booleans())
    def approve(self, who: str, look: bool) -> None:
        row = self.newest()
        if row is None:
            return
        actor = world.actor(self.people[who])
        if look:
            world.step_up(actor, promotions.binding(row.pk, row.evidence_digest, "approve"))
        done = self.attempt(lambda: promotions.approve(actor=actor, number=row.pk, seen=row.evidence_digest))
        assert not (done and not look and not self._unused_look(actor.person_id))
        if done:
            assert who in ("marta", "daniel", "lena")
            assert self.people[who].pk not in (row.requester_id, row.uploader_id)

    def _unused_look(self, person_id: int | None) -> bool:

        return StepUp.objects.filter(person_id=person_id or 0, used_at__isnull=False).exists()

    @rule(version=st.integers(1, 3))
    def all_the_way(self, version: int) -> None:
        """Two people approve and a worker comes by; without this the random walk seldom gets anywhere."""
        self.ask("priya", version)
        self.approve("marta", True)
        self.approve("daniel", True)
        self.sweep()

    @rule(who=st.sampled_from(PEOPLE), event=st.sampled_from(["request_changes", "reject"]))
    def refuse(self, who: str, event: str) -> None:
        row = self.newest()
        if row is None:
            return
        verb = getattr(promotions, event)
        self.attempt(
            lambda: verb(actor=world.actor(self.people[who]), number=row.pk, seen=row.evidence_digest, comment="not so")
        )

    @rule(who=st.sampled_from(PEOPLE))
    def withdraw(self, who: str) -> None:
        row = self.newest()
        if row is not None:
            self.attempt(lambda: promotions.withdraw(actor=world.actor(self.people[who]), number=row.pk))

    @rule(who=st.sampled_from(PEOPLE))
    def resubmit(self, who: str) -> None:
        row = self.newest()
        if row is not None:
            self.attempt(lambda: promotions.resubmit(actor=world.actor(self.people[who]), number=row.pk, why="again"))

    @rule(who=st.sampled_from(PEOPLE), stale=st.booleans())
    def roll_back(self, who: str, stale: bool) -> None:
        endpoint = Endpoint.objects.first()
        if endpoint is None:
            return
        done = self.attempt(
            lambda: rollbacks.roll_back(
                actor=world.actor(self.people[who]),
                environment="production",
                endpoint=endpoint.name,
                reason_code="other",
                expect_generation=endpoint.generation - stale,
            )
        )
        assert not (done and (stale or who in ("priya", "olga")))

    @rule(who=st.sampled_from(PEOPLE), act=st.sampled_from(["pause", "resume", "abort", "advance", "withdraw"]))
    def steer(self, who: str, act: str) -> None:
        row = Rollout.objects.order_by("-pk").first()
        if row is None:
            return
        needs: dict[str, dict[str, Any]] = {
            "resume": {"expect_step": row.step, "expect_pause": row.pause_code},
            "abort": {"reason_code": "other"},
            "advance": {"reason": "It takes too long", "expect_step": row.step},
        }
        verb = getattr(rollouts, act)
        actor = world.actor(self.people[who])
        done = self.attempt(lambda: verb(actor=actor, number=row.pk, **needs.get(act, {})))
        assert not (done and who in ("priya", "olga"))

    @rule(seconds=st.sampled_from([1, 30, 700]))
    def a_step_lasts(self, seconds: int) -> None:
        past = F("step_began_at") - timedelta(seconds=seconds)
        Rollout.objects.filter(status__in=["progressing", "paused"]).update(step_began_at=past)

    @rule()
    def sweep(self) -> None:
        for model in (Rollout, PromotionRequest, Endpoint):
            model._default_manager.filter(next_reconcile_at__isnull=False).update(next_reconcile_at=clock.now())
        work.sweep()

    @rule()
    def a_message_comes_twice(self) -> None:
        for pk in Rollout.objects.filter(status__in=rollout_states.ACTIVE).values_list("pk", flat=True):
            work.do("deployments.rollout", pk)
            work.do("deployments.rollout", pk)

    @rule(away=st.booleans())
    def the_agent_goes_or_comes(self, away: bool) -> None:
        self.runtime.away = away

    @rule(version=st.integers(1, 3), broken=st.booleans())
    def a_version_breaks_or_mends(self, version: int, broken: bool) -> None:
        digest = self.model.versions.get(number=version).digest
        serves = {
            self.runtime.loaded[t.stable].digest for t in self.runtime.table.values() if t.stable in self.runtime.loaded
        }
        if broken and digest not in serves:
            self.runtime.broken.add(digest)
        if not broken:
            self.runtime.broken.discard(digest)

    @precondition(lambda self: self.newest() is not None)
    @rule()
    def time_passes(self) -> None:
        row = self.newest()
        assert row is not None
        if row.status not in promotion_states.OPEN:
            return
        PromotionRequest.objects.filter(pk=row.pk).update(expires_at=clock.now() - timedelta(seconds=1))
        with transaction.atomic():
            recorder.record("promotion.commented", actor=world.SYSTEM, subject=promotions.subject(row))
        promotions.settle(row.pk)
        assert self.newest().status == "expired"  # type: ignore[union-attr]

    @invariant()
    def at_most_one_of_each(self) -> None:
        assert PromotionRequest.objects.filter(status__in=OPEN).count() <= 1
        assert Rollout.objects.filter(status__in=rollout_states.ACTIVE).count() <= 1

    @invariant()
    def four_eyes(self) -> None:
        for approval in Approval.objects.all():
            assert approval.reviewer_id not in (approval.requester_id, approval.uploader_id)
        for row in PromotionRequest.objects.filter(status__in=["rolling_out", "promoted"]):
            given = Approval.objects.filter(
                request=row, request_revision=row.revision, evidence_digest=row.evidence_digest
            )
            assert given.values("reviewer").distinct().count() >= 2

    @invariant()
    def weights_are_whole_and_generations_grow(self) -> None:
        for table in RouteTable.objects.all():
            assert table.stable_weight + table.canary_weight == 10_000
        numbers = [table.generation for table in self.runtime.routed]
        assert numbers == sorted(set(numbers))

    @invariant()
    def a_canary_never_stands_alone(self) -> None:
        """While a version comes in by weights, the champion is in the table and loaded."""
        for state in self.runtime.table.values():
            if state.canary is not None:
                assert {state.stable, state.canary} <= set(self.runtime.loaded)
                assert Endpoint.objects.get().stable_id == Revision.objects.get(pk=state.stable).pk

    @invariant()
    def traffic_is_never_lost(self) -> None:
        self.ever_served = self.ever_served or bool(self.runtime.table)
        if self.ever_served:
            assert self.runtime.table
        for state in self.runtime.table.values():
            spec = self.runtime.loaded[state.stable]
            assert Revision.objects.get(pk=state.stable).digest == spec.digest

    @invariant()
    def the_champion_serves(self) -> None:
        endpoint = Endpoint.objects.first()
        if (
            endpoint is None
            or endpoint.stable is None
            or Rollout.objects.filter(status__in=rollout_states.ACTIVE).exists()
        ):
            return
        alias = AliasAssignment.objects.first()
        assert alias is not None
        assert alias.version_id == endpoint.stable.version_id
        assert endpoint.stable.status == "ready"

    @invariant()
    def no_audit_no_commit(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")


@pytest.mark.django_db
@pytest.mark.slow
def test_promotions_and_rollouts_keep_their_promises() -> None:
    run_state_machine_as_test(
        PromotionMachine,
        settings=settings(
            max_examples=25,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
        ),
    )
