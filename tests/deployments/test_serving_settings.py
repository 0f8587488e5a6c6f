"""How an endpoint serves: set as versioned data, pinned by each promotion, and passed on to the runtime by value."""

from typing import Any

import pytest
from django.db import ProgrammingError, transaction
from django.test import override_settings

from deployments.models import Endpoint, Revision, ServingSettings
from deployments.policies import serving_limits
from deployments.reconcilers.rollouts import spec_of
from deployments.services import endpoints, promotions, rollbacks, serving_settings
from portal.accounts.models import Person
from portal.audit.models import AuditEvent
from portal.core import work
from portal.core.errors import BadInput, Conflict, NotAllowed, NotFound
from registry.models import ModelVersion
from serving.contract import Limits
from tests import world
from tests.deployments.conftest import Line

pytestmark = pytest.mark.django_db
WHERE: dict[str, Any] = {"environment": "production", "endpoint": "flight-delay"}
MIB = 1024**2
CLUSTER = {"kind": "kubernetes", "namespace": "models", "image": "i", "claim": "c", "gateway": "gateways/public"}


def put(who: Person, names_versions: bool = True, **limits: int) -> ServingSettings:
    return serving_settings.set_serving(actor=world.actor(who), **WHERE, limits=limits, names_versions=names_versions)


@pytest.fixture
def served(line: Line) -> Line:
    line.promote(1)
    return line


def loaded(line: Line, version: int) -> Limits:
    return next(spec.limits for spec in line.runtime.loaded.values() if spec.version == version)


def test_what_was_approved_is_what_runs_and_a_later_change_is_for_the_next(served: Line) -> None:
    assert loaded(served, 1) == Limits()
    put(served.marta, replicas_min=2, replicas_max=4, memory_mib=512)
    row = served.submit(2)
    put(served.marta, replicas_max=3)
    served.approve(row, served.marta)
    served.approve(row, served.daniel)
    work.drain()
    assert row.evidence["limits"] == {"replicas_min": 2, "replicas_max": 4, "memory_bytes": 512 * MIB}
    assert loaded(served, 2) == Limits(replicas_min=2, replicas_max=4, memory_bytes=512 * MIB)
    assert loaded(served, 1) == Limits(), "what served before keeps its own"
    served.promote(3)
    assert loaded(served, 3) == Limits(replicas_max=3)


def test_the_way_back_runs_under_its_own_limits(served: Line) -> None:
    put(served.marta, replicas_max=4)
    served.promote(2)
    row = Endpoint.objects.get()
    rollbacks.roll_back(
        actor=world.actor(served.marta), **WHERE, reason_code="quality", expect_generation=row.generation
    )
    served.runtime.loaded.clear()
    work.drain()
    assert loaded(served, 1) == Limits()


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"hedge_ms": 50}, "Hedging needs a second process to ask"),
        ({"hedge_ms": 200, "replicas_max": 2, "deadline_ms": 200}, "Hedging must begin before the time for one answer"),
        ({"hedge_ms": -1, "replicas_max": 2}, "Hedging after must be a whole number from 0"),
    ],
)
def test_hedging_that_cannot_be_is_refused_with_the_way_out(served: Line, limits: dict[str, int], said: str) -> None:
    with pytest.raises(BadInput) as refused:
        put(served.marta, True, **limits)
    assert set(refused.value.fields) == {"hedge_ms"}
    assert said in refused.value.fields["hedge_ms"]


def test_hedging_is_off_until_it_is_set_reviewed_and_promoted(served: Line) -> None:
    assert loaded(served, 1).hedge_ms == 0
    put(served.marta, replicas_max=2, hedge_ms=50)
    rows = {one["label"]: (one["was"], one["now"]) for one in served.submit(2).evidence["changes"]}
    assert rows["Hedging"] == ("off", "after 50 ms")


@pytest.mark.parametrize(("tag", "refused"), [("true", True), ("", False)])
def test_a_version_with_side_effects_is_not_asked_twice(served: Line, tag: str, refused: bool) -> None:
    put(served.marta, replicas_max=2, hedge_ms=50)
    ModelVersion.objects.filter(model=served.model, number=2).update(tags={"side_effects": tag})
    found = promotions.preview(
        actor=world.actor(served.priya), model=served.model.name, version=2, environment="production"
    ).missing
    assert ("side_effects" in [one.code for one in found]) is refused
    if refused:
        assert "and the endpoint's limits ask it twice (hedging)." in found[0].text
        assert found[0].how == "Set hedging of the endpoint to 0."


def test_a_request_says_which_limits_change(served: Line) -> None:
    put(served.marta, replicas_min=2, replicas_max=4, cpu_millis=1500)
    rows = {one["label"]: (one["was"], one["now"]) for one in served.submit(2).evidence["changes"]}
    assert rows["Processes"] == ("1", "2 to 4")
    assert rows["Processor of each process"] == ("no bound of its own", "1.5")
    assert "Memory of each process" not in rows


def test_nothing_set_leaves_the_evidence_as_it_was(served: Line) -> None:
    row = served.submit(2)
    assert "limits" not in row.evidence
    assert not serving_limits.WORDS.keys() & {one["label"] for one in row.evidence["changes"]}
    put(served.marta, replicas_max=2)
    assert promotions.frozen.evidence_now(row) == row.evidence
    assert [revision.limits for revision in Revision.objects.all()] == [{}]


def test_setting_what_holds_unless_said_keeps_nothing(served: Line) -> None:
    assert put(served.marta, replicas_max=2).limits == {"replicas_max": 2}
    assert put(served.marta, replicas_min=1, replicas_max=1, memory_mib=2048).limits == {}
    assert "limits" not in served.submit(2).evidence


def test_each_change_is_a_version_and_an_event_with_both_states(served: Line) -> None:
    put(served.marta, replicas_max=2)
    second = put(served.daniel, names_versions=False, replicas_max=2)
    assert (second.number, second.set_by_label) == (2, "Daniel Osei")
    assert Endpoint.objects.get().serving == second
    event = AuditEvent.objects.filter(type="endpoint.serving_set").latest("id").search
    assert (event["before"]["Processes"], event["after"]["Processes"]) == ("1 to 2", "1 to 2")
    assert (event["before"][serving_settings.NAMED], event["after"][serving_settings.NAMED]) == ("yes", "no")
    with pytest.raises(Conflict, match="serves so already"):
        put(served.marta, names_versions=False, replicas_max=2)


def test_neither_a_version_of_them_nor_the_limits_of_a_revision_can_be_changed(served: Line) -> None:
    put(served.marta, replicas_max=2)
    for rows, change in (
        (ServingSettings.objects.all(), {"names_versions": False}),
        (Revision.objects.all(), {"limits": {"replicas_max": 4}}),
    ):
        with pytest.raises(ProgrammingError, match="never change"), transaction.atomic():
            rows.update(**change)


@pytest.mark.parametrize("who", ["priya", "olga"])
def test_who_may_not_set_them(served: Line, who: str) -> None:
    with pytest.raises((NotAllowed, NotFound)):
        put(getattr(served, who), replicas_max=2)
    assert not ServingSettings.objects.exists()


def test_all_that_is_wrong_is_said_at_once_by_member(served: Line) -> None:
    with pytest.raises(BadInput) as refused:
        put(served.marta, replicas_min=3, replicas_max=2, memory_mib=1, deadline_ms=0, cores=3)
    assert refused.value.fields == {
        "replicas_max": "Most processes must be at least as many as the fewest.",
        "memory_mib": "Memory of each process must be a whole number from 64 to 262\u202f144 MiB.",
        "deadline_ms": "Time for one answer must be a whole number from 50 to 50\u202f000 ms.",
        "cores": f"There is no such limit. Known: {', '.join(serving_limits.MEMBERS)}.",
    }


@pytest.mark.parametrize(
    ("fewest", "most", "wrong"),
    [
        (3, 2, {"replicas_max"}),
        (9, 2, {"replicas_min", "replicas_max"}),
        (3, 0, {"replicas_max"}),
        (5, 4, {"replicas_min"}),
        (1, 0, {"replicas_max"}),
        ("many", 1, {"replicas_min"}),
    ],
)
def test_fewest_above_most_is_said_beside_the_bounds_where_mending_those_would_not_do(
    fewest: Any, most: int, wrong: set[str]
) -> None:
    found = serving_limits.wrong({"replicas_min": fewest, "replicas_max": most})
    assert set(found) == wrong
    crossed = serving_limits.CROSSED in found.get("replicas_max", "")
    assert crossed == ((fewest, most) in ((3, 2), (9, 2), (3, 0)))


@pytest.mark.parametrize("name", serving_limits.MEMBERS)
def test_every_bound_of_a_limit_is_one_the_runtime_takes(name: str) -> None:
    member = serving_limits.MEMBERS[name]
    both = {one: serving_limits.MEMBERS[one].most for one in ("replicas_max", "deadline_ms")}
    for value in (member.least, member.most):
        assert serving_limits.wrong(both | {name: value}) == {}
        kept = serving_limits.kept({name: value})
        assert serving_limits.given_of(kept)[name] == value
    for odd in (member.least - 1, member.most + 1, 1.5, True, "2", None):
        given: dict[str, Any] = both | {name: odd}
        assert set(serving_limits.wrong(given)) == {name}


def test_the_endpoint_notes_how_many_processes_there_are(served: Line) -> None:
    Endpoint.objects.update(next_reconcile_at=None)
    put(served.marta, replicas_max=2)
    revision = Revision.objects.get()
    served.runtime.processes[str(revision.pk)] = 2
    work.ring("deployments.endpoint", revision.endpoint_id)
    work.drain()
    assert Endpoint.objects.get().observed["processes"] == {str(revision.pk): 2}
    assert spec_of(revision).limits == Limits()


def test_answers_stop_naming_their_version_within_a_look_and_begin_again(served: Line) -> None:
    put(served.marta, names_versions=False)
    work.drain()
    assert served.runtime.silent == {"production/flight-delay"}
    served.runtime.silent.clear()
    endpoints.look_at(Endpoint.objects.get())
    work.drain()
    assert served.runtime.silent == {"production/flight-delay"}, "a runtime that came back empty is told again"
    put(served.marta, names_versions=True)
    work.drain()
    assert served.runtime.silent == set()


@override_settings(SIGNALBOX_RUNTIMES={"production": CLUSTER})
def test_on_a_cluster_answers_always_name_their_version_and_the_refusal_says_so(served: Line) -> None:
    with pytest.raises(BadInput) as refused:
        put(served.marta, names_versions=False, rows=0)
    assert set(refused.value.fields) == {"names_versions", "rows"}
    assert refused.value.fields["names_versions"].startswith("On a cluster answers always name their version")
    with pytest.raises(BadInput) as refused:
        put(served.marta, replicas_max=2, hedge_ms=50)
    assert refused.value.fields["hedge_ms"].startswith("On a cluster nothing is asked twice")
    put(served.marta, rows=5)
