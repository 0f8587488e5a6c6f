"""The way back: one person, one reason, the warm former champion."""

from datetime import timedelta

import pytest

from deployments.models import Endpoint, Environment, Revision, RollbackDrill, Rollout
from deployments.selectors import rollback_card
from deployments.services import drills, promotions, rollbacks
from portal.core import clock, work
from portal.core.errors import BadInput, NotAllowed, NotFound, Refused, Stale
from registry.models import AliasAssignment
from registry.services import batch_predictions
from tests import world
from tests.deployments.conftest import Line

pytestmark = pytest.mark.django_db


def order(line: Line, **changes: object) -> Rollout:
    generation = Endpoint.objects.get().generation
    asked = {
        "actor": world.actor(line.marta),
        "environment": "production",
        "endpoint": "flight-delay",
        "reason_code": "quality",
        "expect_generation": generation,
    }
    return rollbacks.roll_back(**(asked | changes))  # type: ignore[arg-type]


def serving(line: Line) -> int:
    stable = line.runtime.routes("production", "flight-delay").stable
    return Revision.objects.get(pk=stable).version.number


def test_back_to_the_former_champion(line: Line) -> None:
    line.promote(1)
    second = line.promote(2)
    assert serving(line) == 2
    rollout = order(line, note="Wrong at the hubs")
    work.drain()
    rollout.refresh_from_db()
    second.refresh_from_db()
    assert (rollout.status, second.status, serving(line)) == ("completed", "rolled_back", 1)
    assert AliasAssignment.objects.first().version.number == 1  # type: ignore[union-attr]
    endpoint = Endpoint.objects.get()
    assert endpoint.stable is not None
    assert endpoint.stable.version.number == 1
    assert endpoint.previous is None


def test_what_was_left_is_taken_away_and_needs_a_new_request(line: Line) -> None:
    line.promote(1)
    line.promote(2)
    order(line)
    work.drain()
    Endpoint.objects.update(next_reconcile_at=Endpoint.objects.get().created_at)
    work.drain()
    left = Revision.objects.get(version__number=2)
    assert left.status == "removed"
    assert str(left.pk) not in line.runtime.loaded
    with pytest.raises(Refused) as refusal:
        order(line)
    assert refusal.value.code == "no_former_champion"


def test_nothing_to_go_back_to_after_the_first(line: Line) -> None:
    line.promote(1)
    with pytest.raises(Refused) as refusal:
        order(line)
    assert refusal.value.code == "no_former_champion"


def test_the_preview_says_what_changes(line: Line) -> None:
    line.promote(1)
    row = line.promote(2)
    found = rollbacks.preview(actor=world.actor(line.marta), environment="production", endpoint="flight-delay")
    assert found.ready
    assert [(c["label"], c["now"]) for c in found.changes] == [
        ("Traffic", "v1 100 %"),
        ("Artifact digest", found.changes[1]["now"]),
        ("Callers", "go on unchanged"),
        ("Alias champion", "v1"),
        ("Programs", "promote nothing"),
        ("Drills of the way back", "every 24 h"),
        (f"Promotion #{row.pk}", "rolled back"),
    ]


def test_the_preview_names_requests_whose_approvals_go(line: Line) -> None:
    line.promote(1)
    line.promote(2)
    waiting = line.submit(3)
    found = rollbacks.preview(actor=world.actor(line.marta), environment="production", endpoint="flight-delay")
    (row,) = [row for row in found.changes if row["label"] == f"Promotion #{waiting.pk}"]
    assert (row["now"], row["note"]) == ("approvals withdrawn", "it was measured against v2 and is frozen anew")


def test_a_stale_page_does_no_harm(line: Line) -> None:
    line.promote(1)
    line.promote(2)
    with pytest.raises(Stale):
        order(line, expect_generation=1)
    assert not Rollout.objects.filter(kind="rollback").exists()


def test_a_second_rollback_at_the_same_time_is_refused(line: Line) -> None:
    line.promote(1)
    line.promote(2)
    order(line)
    with pytest.raises(Refused) as refusal:
        order(line)
    assert refusal.value.code == "already_rolling_back"


def test_a_reason_is_needed(line: Line) -> None:
    with pytest.raises(BadInput):
        rollbacks.roll_back(
            actor=world.actor(line.marta),
            environment="production",
            endpoint="x",
            reason_code="because",
            expect_generation=0,
        )


def test_who_may_not(line: Line) -> None:
    line.promote(1)
    line.promote(2)
    with pytest.raises(NotAllowed):
        order(line, actor=world.actor(line.priya))
    with pytest.raises(NotFound):
        order(line, actor=world.actor(line.olga))


def test_a_new_version_that_fails_never_serves_and_the_old_goes_on(line: Line) -> None:
    line.promote(1)
    line.runtime.broken.add(line.model.versions.get(number=2).digest)
    row = line.promote(2)
    assert (row.status, serving(line)) == ("failed", 1)
    assert "raised while loading" in row.decision_note
    assert [t.generation for t in line.runtime.routed] == [1]


def test_rolling_back_while_a_promotion_rolls_out_stops_it(line: Line) -> None:
    line.promote(1)
    line.runtime.slow.add(line.model.versions.get(number=2).digest)
    row = line.promote(2)
    assert row.status == "rolling_out"
    stopped = order(line, reason_code="other")
    assert stopped.status == "aborting"
    work.drain()
    row.refresh_from_db()
    stopped.refresh_from_db()
    assert (stopped.status, row.status, serving(line)) == ("aborted", "rolled_back", 1)


def test_with_the_agent_away_a_promotion_waits_and_can_be_taken_back(line: Line) -> None:
    line.promote(1)
    line.runtime.away = True
    row = line.submit(2)
    line.approve(row, line.marta)
    line.approve(row, line.daniel)
    work.sweep()
    waiting = Rollout.objects.get(status="pending")
    assert "does not answer" in waiting.note
    assert order(line).status == "aborted"
    row.refresh_from_db()
    assert row.status == "rolled_back"


def test_a_serving_plane_that_comes_back_empty_is_told_again(line: Line) -> None:
    line.promote(1)
    line.runtime.loaded.clear()
    line.runtime.table.clear()
    for _ in range(2):
        Endpoint.objects.update(next_reconcile_at=Endpoint.objects.get().created_at)
        work.drain()
    assert serving(line) == 1


def test_a_table_newer_than_any_we_know_is_outnumbered(line: Line) -> None:
    line.promote(1)
    key = ("production", "flight-delay")
    line.runtime.table[key] = type(line.runtime.table[key])(40, line.runtime.table[key].stable)
    Endpoint.objects.update(next_reconcile_at=Endpoint.objects.get().created_at)
    work.drain()
    assert line.runtime.table[key].generation == 41
    assert Endpoint.objects.get().generation == 41


def test_a_request_under_review_is_frozen_anew_when_the_champion_goes(line: Line) -> None:
    line.promote(1)
    line.promote(2)
    waiting = line.approve(line.submit(3), line.daniel)
    order(line)
    work.drain()
    waiting.refresh_from_db()
    assert (waiting.revision, waiting.evidence["champion"]["number"]) == (2, 1)
    assert promotions.verdict(waiting).have == 0


def preview(line: Line) -> rollbacks.RollbackPreview:
    return rollbacks.preview(actor=world.actor(line.marta), environment="production", endpoint="flight-delay")


def rows(line: Line) -> dict[str, dict[str, str]]:
    return {row["label"]: row for row in preview(line).changes}


def test_the_preview_says_how_long_it_takes_once_it_was_measured(line: Line) -> None:
    line.promote(1)
    line.promote(2)
    Environment.objects.update(drill_hours=0)
    RollbackDrill.objects.filter(ended_at=None).delete()
    assert "not yet rehearsed" in rows(line)["Traffic"]["note"]
    drills.ask(actor=world.actor(line.marta), environment="production", endpoint="flight-delay")
    work.drain()
    assert "at once, about" in rows(line)["Traffic"]["note"]
    assert preview(line).seconds is not None


def test_the_preview_names_settings_that_differ(line: Line) -> None:
    world.version(line.model, None, params={"depth": "4", "seed": "1"}, tags={"threshold": "0.37"})
    world.version(line.model, None, params={"depth": "6", "seed": "1"}, tags={"threshold": "0.41"})
    line.promote(4)
    line.promote(5)
    found = rows(line)
    assert (found["Threshold"]["was"], found["Threshold"]["now"]) == ("0.41", "0.37")
    assert (found["Parameters"]["was"], found["Parameters"]["now"]) == ("depth 6", "depth 4")


def test_the_preview_counts_what_will_not_be_undone(line: Line) -> None:
    line.promote(1)
    line.promote(2)
    endpoint = Endpoint.objects.get()
    Endpoint.objects.update(observed={})
    assert "is not known" in preview(line).decisions
    Endpoint.objects.update(observed={"counted": {f"{endpoint.stable_id}.a": 0}})
    assert preview(line).decisions == "v2 has made no predictions yet. Nothing is deleted."
    counted = {f"{endpoint.stable_id}.a": 1200, f"{endpoint.stable_id}.b": 34, f"{endpoint.previous_id}.a": 9}
    Endpoint.objects.update(observed={"counted": counted})
    said = "At least 1\u202f234 requests came to v2 since it was loaded, the portal's own checks among them."
    assert preview(line).decisions.startswith(said)


def test_the_preview_names_batch_predictions_that_stay(line: Line) -> None:
    line.promote(1)
    line.promote(2)
    assert "Batch predictions" not in rows(line)
    data = world.data_version("flights", line.team)
    for version in (1, 2, 2):
        batch_predictions.request(
            actor=world.SYSTEM, version=line.model.versions.get(number=version), data=data, settings={}, serving=[]
        )
    found = rows(line)["Batch predictions"]
    assert (found["was"], found["now"]) == ("0 done by v2", "stay as they are")
    assert found["note"] == "2 under way: cancel there what is not wanted"


def test_callers_that_the_former_champion_would_refuse_need_a_second_person(line: Line) -> None:
    wider = world.SIGNATURE | {"inputs": [*world.SIGNATURE["inputs"], {"name": "gust", "type": "double"}]}
    world.version(line.model, None, signature=wider)
    line.promote(1)
    row = line.submit(4)
    line.approve(row, line.marta)
    line.approve(row, line.daniel)
    work.drain()
    assert rows(line)["Callers"]["now"] == "have to change"
    with pytest.raises(Refused, match=r"gust.*takes a second person") as refusal:
        order(line)
    assert refusal.value.code == "signature_incompatible"


def seen(state: str) -> None:
    """The last look at the endpoint saw the former champion so; "" saw nothing of it."""
    row = Endpoint.objects.get()
    revisions = {str(row.stable_id): "ready"} | ({str(row.previous_id): state} if state else {})
    Endpoint.objects.update(observed=row.observed | {"revisions": revisions}, observed_at=clock.now())


@pytest.mark.parametrize("state", ["", "loading", "failed"])
def test_a_former_champion_without_a_warm_process_needs_a_second_person(line: Line, state: str) -> None:
    line.promote(1)
    line.promote(2)
    seen(state)
    with pytest.raises(
        Refused, match=r"^v1 .*ask for a promotion of v1: it takes a second person, who signs"
    ) as refusal:
        order(line)
    assert (refusal.value.code, preview(line).by_request) == ("target_not_warm", True)
    assert not Rollout.objects.filter(kind="rollback").exists()
    assert good(line) == [1]
    row = line.submit(1)
    line.approve(row, line.marta)
    assert serving(line) == 2
    line.approve(row, line.daniel)
    work.drain()
    assert serving(line) == 1


def test_once_it_is_warm_again_one_person_goes_back(line: Line) -> None:
    line.promote(1)
    line.promote(2)
    line.runtime.loaded.pop(str(Endpoint.objects.get().previous_id))
    seen("")
    with pytest.raises(Refused):
        order(line)
    for _ in range(2):
        Endpoint.objects.update(next_reconcile_at=Endpoint.objects.get().created_at)
        work.drain()
    order(line)
    work.drain()
    assert serving(line) == 1


def test_a_look_older_than_the_former_champion_says_nothing_about_it(line: Line) -> None:
    line.promote(1)
    line.promote(2)
    row = Endpoint.objects.get()
    assert row.previous is not None
    Endpoint.objects.update(
        observed={"revisions": {}}, observed_at=row.previous.created_at - timedelta(seconds=1), next_reconcile_at=None
    )
    order(line)
    work.drain()
    assert serving(line) == 1


def good(line: Line) -> list[int]:
    return [one.version.number for one in rollback_card.good_versions(Endpoint.objects.get())]


def test_other_versions_are_those_that_served_and_were_not_taken_back(line: Line) -> None:
    line.promote(1)
    line.promote(2)
    assert good(line) == []
    line.promote(3)
    assert good(line) == [1]
    order(line)
    work.drain()
    assert (serving(line), good(line)) == (2, [1])
    line.promote(1)
    world.version(line.model, None)
    line.promote(4)
    assert good(line) == [2]


def test_a_version_that_was_stopped_on_its_way_is_not_good(line: Line) -> None:
    line.promote(1)
    line.promote(2)
    line.promote(3)
    line.runtime.broken.add(line.model.versions.get(number=1).digest)
    line.promote(1)
    assert good(line) == []
