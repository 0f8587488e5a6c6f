"""Environments, endpoints, history and the way back over REST."""

from collections.abc import Callable

import pytest

from deployments.models import Rollout
from portal.core import work
from tests import world
from tests.callers import Caller
from tests.deployments.conftest import Line
from tests.deployments.rolling import Rolling

pytestmark = pytest.mark.django_db
Session = Callable[..., Caller]
PATH = "endpoints/production/flight-delay/"


def test_the_page_of_an_endpoint_that_serves(line: Line, session: Session) -> None:
    line.promote(1)
    line.promote(2)
    found = session(line.priya).get(PATH).json()
    assert found["endpoint"]["stable"]["version"] == 2
    assert found["endpoint"]["previous"]["version"] == 1
    assert [(arm["version"], arm["role"], arm["share"]) for arm in found["traffic"]] == [
        (2, "champion", 10_000),
        (1, "rollback target", 0),
    ]
    assert (found["rollout"], found["trouble"]) == (None, "")
    assert found["url"].endswith("/production/flight-delay/invocations")


def test_rolled_back_by_token_with_a_reason_and_shown_in_the_history(line: Line, token: Session) -> None:
    line.promote(1)
    line.promote(2)
    operator = token(world.person("Tomas Brandt", ("operator", line.team)), "read", "rollback")
    preview = operator.get(f"{PATH}rollback/").json()
    assert (preview["ready"], preview["current_version"], preview["target_version"]) == (True, 2, 1)
    body = {"reason_code": "quality", "note": "Too many alarms.", "expect_generation": preview["expect_generation"]}
    assert operator.post(f"{PATH}rollback/", body | {"dry_run": True}).json()["possible"] is True
    assert not Rollout.objects.filter(kind="rollback").exists()
    first, again = (operator.post(f"{PATH}rollback/", body, key="once") for _ in range(2))
    assert (first.status_code, again.json()["id"]) == (201, first.json()["id"])
    assert "rollback.requested" in [r["type"] for r in first.json()["receipts"]]
    work.drain()
    history = operator.get(f"{PATH}history/", kind="rollbacks").json()["results"]
    assert [(one["what"], one["why"]) for one in history] == [
        ("Rolled back v2 to v1", "Wrong decisions. Too many alarms.")
    ]
    everything = [one["what"] for one in operator.get(f"{PATH}history/").json()["results"]]
    assert everything == ["Rolled back v2 to v1", "v2 became champion", "v1 became champion", "Endpoint created"]


def test_a_rollback_during_a_rollout_keeps_its_reason_and_is_one_everywhere(line: Line, session: Session) -> None:
    rolling = Rolling(line).begin()
    marta = session(line.marta)
    generation = marta.get(f"{PATH}rollback/").json()["expect_generation"]
    body = {"reason_code": "latency", "note": "Slow at noon.", "expect_generation": generation}
    number = marta.post(f"{PATH}rollback/", body).json()["id"]
    rolling.look()
    row = marta.get(f"rollouts/{number}/").json()
    assert (row["reason_code"], row["reason"], row["note"]) == ("latency", "Slow at noon.", "Slow at noon.")
    assert (row["kind"], row["taken_back"], row["status"]) == ("promotion", True, "aborted")
    assert [one["id"] for one in marta.get("rollouts/", kind="rollback").json()["results"]] == [number]
    assert next(one["id"] for one in marta.get("rollouts/", kind="promotion").json()["results"]) == number
    (entry,) = marta.get(f"{PATH}history/", kind="rollbacks").json()["results"]
    assert (entry["kind"], entry["rollout"], entry["who"]) == ("rollback", number, "Marta Kowalska")


def test_an_abort_keeps_its_coded_reason_alone(line: Line, session: Session) -> None:
    rolling = Rolling(line).begin()
    marta = session(line.marta)
    assert marta.post(f"rollouts/{rolling.row.pk}/abort/", {"reason_code": "no_better"}).status_code == 200
    rolling.look()
    row = marta.get(f"rollouts/{rolling.row.pk}/").json()
    assert (row["reason_code"], row["reason"], row["note"]) == ("no_better", "", "No better than the champion")
    (entry,) = marta.get(f"{PATH}history/", kind="rollbacks").json()["results"]
    assert entry["why"] == "No better than the champion"


def test_a_rollback_on_an_old_page_is_refused(line: Line, session: Session) -> None:
    line.promote(1)
    line.promote(2)
    answer = session(line.marta).post(f"{PATH}rollback/", {"reason_code": "other", "expect_generation": 1})
    assert (answer.status_code, answer.json()["code"]) == (409, "traffic_changed")


def test_a_rollback_names_what_is_wrong_with_the_order(line: Line, session: Session) -> None:
    line.promote(1)
    bad = session(line.marta).post(f"{PATH}rollback/", {"reason_code": "mood", "expect_generation": 1})
    assert (bad.status_code, list(bad.json()["fields"])) == (422, ["reason_code"])
    nowhere = session(line.marta).post(f"{PATH}rollback/", {"reason_code": "other", "expect_generation": 1})
    assert (nowhere.status_code, nowhere.json()["code"]) == (409, "no_former_champion")
    mine = session(line.priya).post(f"{PATH}rollback/", {"reason_code": "other", "expect_generation": 1})
    assert mine.status_code == 403
    empty = session(line.priya).post(f"{PATH}rollback/", {})
    assert (empty.status_code, empty.json()["code"]) == (403, mine.json()["code"]), "the right comes first"


def test_endpoints_are_made_listed_and_hidden(line: Line, session: Session) -> None:
    marta = session(line.marta)
    made = marta.post("endpoints/", {"environment": "staging", "name": "flights-eu", "model": "flight-delay"})
    assert made.status_code == 201, made.content
    assert made.json()["endpoint"]["stable"] is None
    again = marta.post("endpoints/", {"environment": "staging", "name": "flights-eu", "model": "flight-delay"})
    assert (again.status_code, again.json()["fields"]) == (409, {"name": "taken"})
    bad = marta.post("endpoints/", {"environment": "staging", "name": "Flights EU", "model": "flight-delay"})
    assert (bad.status_code, list(bad.json()["fields"])) == (422, ["name"])
    assert [e["name"] for e in marta.get("endpoints/", environment="staging").json()["results"]] == ["flights-eu"]
    assert session(line.olga).get("endpoints/").json()["results"] == []
    assert session(line.olga).get("endpoints/staging/flights-eu/").status_code == 404
    assert session(line.olga).get("endpoints/staging/flights-eu/history/").status_code == 404


def test_rollouts(line: Line, session: Session) -> None:
    line.promote(1)
    [row] = session(line.priya).get("rollouts/", endpoint="flight-delay").json()["results"]
    assert (row["status"], row["to_version"], row["from_version"]) == ("completed", 1, None)
    assert session(line.priya).get(f"rollouts/{row['id']}/").json() == row
    assert session(line.olga).get(f"rollouts/{row['id']}/").status_code == 404
    assert session(line.olga).get("rollouts/").json()["results"] == []


def test_a_try_needs_the_gateway(line: Line, session: Session, settings: object) -> None:
    line.promote(1)
    settings.SIGNALBOX_GATEWAY_URL = "http://127.0.0.1:1"  # type: ignore[attr-defined]
    answer = session(line.priya).post(f"{PATH}try/", {"payload": {"dataframe_records": [{"distance": 1.0}]}})
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert session(line.priya).post(f"{PATH}try/", {"payload": "text"}).status_code == 422


@pytest.mark.parametrize("query", [{"kind": "nice"}, {"before": "x"}])
def test_bad_query_parameters_are_named(line: Line, session: Session, query: dict[str, str]) -> None:
    line.promote(1)
    answer = session(line.priya).get(f"{PATH}history/", **query)
    assert (answer.status_code, list(answer.json()["fields"])) == (400, list(query))
