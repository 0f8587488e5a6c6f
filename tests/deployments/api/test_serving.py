"""How an endpoint serves, over REST."""

from collections.abc import Callable

import pytest

from deployments.policies import serving_limits
from tests import world
from tests.callers import Caller
from tests.deployments.conftest import Line
from tests.deployments.pages.conftest import Browser

pytestmark = pytest.mark.django_db
Session = Callable[..., Caller]
PATH = "endpoints/production/flight-delay/serving/"


def test_read_set_and_read_again(line: Line, token: Session) -> None:
    line.promote(1)
    operator = token(world.person("Tomas Brandt", ("operator", line.team)), "endpoints")
    first = operator.get(PATH).json()
    assert (first["number"], first["names_versions"], first["set_at"]) == (0, True, None)
    assert first["running"][0]["limits"] == first["limits"]
    answer = operator.post(PATH, {"replicas_max": 3, "memory_mib": 1024, "names_versions": False})
    assert answer.status_code == 200
    found = operator.get(PATH).json()
    assert (found["number"], found["names_versions"], found["set_by"]) == (1, False, "token “ci” of Tomas Brandt")
    assert (found["limits"]["replicas_max"], found["limits"]["memory_mib"]) == (3, 1024)
    assert found["limits"]["deadline_ms"] == 10_000, "what is left out is as it is unless said"
    assert found["running"][0]["limits"]["replicas_max"] == 1


def test_each_member_that_is_wrong_has_its_sentence(line: Line, session: Session) -> None:
    line.promote(1)
    answer = session(line.marta).post(PATH, {"replicas_max": 9, "rows": "many"})
    assert answer.status_code == 422
    assert answer.json()["fields"] == {
        "replicas_max": "Most processes must be a whole number from 1 to 4.",
        "rows": "Rows of one request must be a whole number from 1 to 100\u202f000.",
    }
    crossed = session(line.marta).post(PATH, {"replicas_min": 3})
    assert crossed.json()["fields"] == {"replicas_max": "Most processes must be at least as many as the fewest."}
    assert session(line.marta).post(PATH, {"replicas": 3}).status_code == 422


def test_page_and_programs_are_told_the_same_and_all_at_once(line: Line, session: Session) -> None:
    """One pure rule: what one of the two hears, the other hears."""
    line.promote(1)
    sent = {"replicas_min": 4, "replicas_max": 2, "rows": "many", "memory_mib": 1.5, "start_seconds": 541}
    told = session(line.marta).post(PATH, {**sent, "names_versions": "perhaps"}).json()["fields"]
    assert told.pop("names_versions") == "This must be true or false."
    assert told == serving_limits.wrong(sent)
    assert set(told) == {"replicas_max", "rows", "memory_mib", "start_seconds"}
    page = Browser(line.marta).send(f"/{PATH}", f"/{PATH}", **sent).content.decode()
    assert [said for said in told.values() if said not in page] == []
