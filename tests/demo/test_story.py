"""The promotions of the example world: complete, in order, and never twice."""

import pytest

from demo.client import Caller, LateError, RefusedError, Session, until
from demo.story import Story, ready
from tests.demo.portal import Portal


@pytest.fixture
def portal() -> Portal:
    return Portal({"v1": 1, "v2": 2, "v3": 3})


def story(portal: Portal) -> Story:
    def sign_in(name: str) -> Session:
        return Session("http://portal", name, "right", portal.transport)

    author = Caller("http://portal", "sbx_pat_x", portal.transport)
    return Story(author, {"ml_lead": sign_in("marta"), "model_risk": sign_in("daniel")})


def tell(portal: Portal) -> list[str]:
    """All three promotions; answers with the statuses they reached."""
    told = story(portal)
    return [told.promote(recipe, number)["status"] for recipe, number in portal.versions.items()]


def test_two_serve_and_the_third_waits_for_the_ml_lead(portal: Portal) -> None:
    assert tell(portal) == ["promoted", "promoted", "pending_review"]
    assert portal.moved == [
        "ask 1", "marta approves 1", "daniel approves 1",
        "ask 2", "marta approves 2", "daniel approves 2",
        "ask 3", "daniel approves 3",
    ]  # fmt: skip


@pytest.mark.parametrize("stopped_after", range(8))
def test_a_half_told_story_is_completed_and_nothing_is_done_twice(portal: Portal, stopped_after: int) -> None:
    whole = Portal(portal.versions)
    tell(whole)
    act = portal.answer

    class Stopped(Exception):
        """The builder is ended from outside."""

    def stop_in_time(*arguments: object) -> object:
        if len(portal.moved) >= stopped_after:
            raise Stopped
        return act(*arguments)  # type: ignore[arg-type]

    portal.answer = stop_in_time  # type: ignore[assignment,method-assign]
    with pytest.raises(Stopped):
        tell(portal)
    portal.answer = act  # type: ignore[method-assign]
    assert tell(portal) == ["promoted", "promoted", "pending_review"]
    assert portal.moved == whole.moved


def test_evidence_that_is_still_moving_is_read_again(portal: Portal) -> None:
    portal.moving = 2
    assert tell(portal) == ["promoted", "promoted", "pending_review"]
    assert portal.promotions[0]["evidence_digest"].endswith("++")


def test_a_promotion_that_failed_stops_the_story(portal: Portal) -> None:
    told = story(portal)
    request = told.ask("v1", 1)
    portal.promotions[0]["status"] = "failed"
    with pytest.raises(LateError, match="ended as failed"):
        told.serving(request)


def test_a_version_is_ready_by_its_recipe(portal: Portal) -> None:
    author = Caller("http://portal", "sbx_pat_x", portal.transport)
    assert ready(author, "v2") == 2
    portal.status = "PENDING_REGISTRATION"
    assert ready(author, "v2") is None
    portal.status = "FAILED_REGISTRATION"
    with pytest.raises(LateError, match="Version 2 was refused"):
        ready(author, "v2")
    portal.versions = {}
    assert ready(author, "v2") is None


def test_a_portal_that_is_starting_is_waited_for(portal: Portal) -> None:
    portal.starting = 2
    assert Caller("http://portal", "sbx_pat_x", portal.transport).get("/api/v1/me/") == {"person": None}


def test_a_wrong_password_is_told_with_the_portals_words(portal: Portal) -> None:
    with pytest.raises(RefusedError, match="400 No: wrong"):
        Session("http://portal", "marta", "wrong", portal.transport)


def test_each_unsafe_call_has_a_key_of_its_own(portal: Portal) -> None:
    tell(portal)
    assert len(portal.keys) == len(set(portal.keys)) >= len(portal.moved)


def test_waiting_ends_and_says_for_what() -> None:
    with pytest.raises(LateError, match="Waited 0 seconds for a train"):
        until(lambda: None, 0.0, "a train")
