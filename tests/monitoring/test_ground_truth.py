"""Taking in what became true of predictions: each entry judged by itself, corrections kept, one event a batch."""

import json
import math
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.checks import Error
from django.db import ProgrammingError, connection, connections, transaction

from deployments.adapters import ground_truth as source
from deployments.analysis.outcomes import Value
from monitoring import providers
from monitoring.models import GroundTruth
from monitoring.policies import outcomes
from monitoring.services.ground_truth import TURN
from portal.accounts.models import Person
from portal.accounts.services import tokens
from portal.audit.models import AuditEvent
from portal.core import clock
from portal.core.errors import Unavailable
from portal.core.locking import take_turn
from tests import world
from tests.callers import Caller
from tests.deployments import conftest
from tests.deployments.conftest import Line

pytestmark = pytest.mark.django_db
runtime, line = conftest.runtime, conftest.line
PATH = "ground-truth/"
WHERE = {"environment": "production", "endpoint": "flight-delay"}
WHEN = "2026-01-01T12:00:00Z"


def caller(person: Person, *scopes: str) -> Caller:
    made = tokens.create(actor=world.SYSTEM, owner=person, name="ci", scopes=list(scopes), days=30)
    return Caller(token=made.secret)


@pytest.fixture
def send(line: Line) -> Callable[..., Any]:
    line.promote(1)
    found = caller(line.priya, "ground_truth")
    return lambda *outcomes: found.post(PATH, {**WHERE, "outcomes": list(outcomes)}).json()


def outcome(**changes: Any) -> dict[str, Any]:
    return {"prediction_id": str(uuid.uuid4()), "label": 1, "occurred_at": WHEN, **changes}


def verdicts(answer: Any) -> list[str]:
    return [one["verdict"] for one in answer["outcomes"]]


def test_each_entry_has_its_verdict_and_the_batch_one_event(send: Callable[..., Any]) -> None:
    first = outcome(values={"cost": 12.5})
    answer = send(first, outcome(label="late", row=3), first, {**first, "label": 0}, outcome(label=None))
    assert verdicts(answer) == ["accepted", "accepted", "repeated", "corrected", "refused"]
    assert answer["counts"] == {"accepted": 2, "corrected": 1, "repeated": 1, "refused": 1}
    event = AuditEvent.objects.get(type="ground_truth.reported")
    data = json.loads(bytes(event.canon))["data"]
    assert {name: data[name] for name in answer["counts"]} == answer["counts"]
    assert set(data) == {*answer["counts"], "digest"}
    assert answer["receipts"][0]["event_id"] == str(event.pk)


def test_a_correction_keeps_what_was_known_before(send: Callable[..., Any]) -> None:
    first = outcome()
    send(first)
    send({**first, "label": 0})
    rows = GroundTruth.objects.order_by("report")
    assert [(row.report, row.label) for row in rows] == [(1, "1"), (2, "0")]
    assert verdicts(send({**first, "label": 0})) == ["repeated"]
    assert verdicts(send(first)) == ["corrected"]
    with pytest.raises(ProgrammingError, match="never changes"), transaction.atomic():
        GroundTruth.objects.update(label="0")


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ("late", "an object"),
        (outcome(prediction_id="7"), "x-prediction-id"),
        (outcome(prediction_id=7), "x-prediction-id"),
        (outcome(row=-1), "row must be"),
        (outcome(row=True), "row must be"),
        (outcome(row=1.5), "row must be"),
        (outcome(label=None), "a label, a value"),
        (outcome(label=[1]), "label must be"),
        (outcome(label="NaN"), "label must be"),
        (outcome(label=10**400), "label must be"),
        (outcome(label=math.inf), "label must be"),
        (outcome(values={"cost": math.nan}), "values.cost"),
        (outcome(label="x" * 201), "label must be"),
        (outcome(values=[1]), "values must be"),
        (outcome(values={"cost": "1"}), "values.cost"),
        (outcome(values={"cost": True}), "values.cost"),
        (outcome(values={"": 1}), "names in values"),
        (outcome(occurred_at="yesterday"), "a time such as"),
        (outcome(occurred_at="2026-01-01T12:00:00"), "offset from UTC"),
        (outcome(occurred_at=None), "a time such as"),
        (outcome(weight=1), "weight is not known"),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason(entry: Any, says: str) -> None:
    read = outcomes.read(entry, datetime(2026, 6, 1, tzinfo=UTC))
    assert read.truth is None
    assert says in read.reason


def test_the_future_is_not_known_yet(send: Callable[..., Any]) -> None:
    later = (clock.now() + timedelta(hours=1)).isoformat()
    soon = (clock.now() + timedelta(minutes=2)).isoformat()
    assert verdicts(send(outcome(occurred_at=later), outcome(occurred_at=soon))) == ["refused", "accepted"]


def test_a_batch_has_bounds(line: Line) -> None:
    line.promote(1)
    priya = caller(line.priya, "ground_truth")
    for many in ([], [outcome()] * 1001):
        answer = priya.post(PATH, {**WHERE, "outcomes": many})
        assert (answer.status_code, list(answer.json()["fields"])) == (422, ["outcomes"])
    assert not GroundTruth.objects.exists()


def test_another_team_sees_no_endpoint_and_other_scopes_do_not_report(line: Line) -> None:
    line.promote(1)
    body = {**WHERE, "outcomes": [outcome()]}
    assert caller(line.olga, "ground_truth").post(PATH, body).status_code == 404
    refused = caller(line.priya, "read").post(PATH, body)
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")
    assert AuditEvent.objects.get(type="ground_truth.reported").outcome == "denied"


def test_whoever_reads_on_sees_every_report_once_and_in_order(send: Callable[..., Any], line: Line) -> None:
    first, second = outcome(label="late"), outcome(label=0.25, values={"cost": 3})
    send(first)
    endpoint = GroundTruth.objects.get().endpoint_id
    found, mark = source.source().since(endpoint, 0, 10)
    assert [one.label for one in found] == [Value("late")]
    send(second, {**first, "label": "on time"})
    found, mark = source.source().since(endpoint, mark, 10)
    assert [(one.label, dict(one.values)) for one in found] == [
        (Value("0.25", 0.25), {"cost": 3.0}),
        (Value("on time"), {}),
    ]
    assert source.source().since(endpoint, mark, 10) == ([], mark)
    assert providers.ground_truth.newest(endpoint) == mark
    ids = [uuid.UUID(first["prediction_id"])]
    assert [one.label.label for one in source.source().of(endpoint, ids)] == ["on time"]


@pytest.mark.django_db(transaction=True)
def test_two_batches_of_an_endpoint_take_turns(transactional_db: None) -> None:
    """Another connection holds the turn: whoever comes is told to try again, and an endpoint beside it is free."""
    other = connections.create_connection("default")
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [TURN, 1])
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '50ms'")
            take_turn(TURN, 2)
            with pytest.raises(Unavailable), transaction.atomic():
                take_turn(TURN, 1)
    finally:
        other.close()


def test_a_source_that_is_not_there_is_found_at_the_start(settings: Any) -> None:
    assert source.source_is_there(None) == []
    settings.SIGNALBOX_GROUND_TRUTH = "monitoring.providers.nothing"
    assert isinstance(source.source_is_there(None)[0], Error)
