"""Keys of an endpoint's callers: made once, known to the gateway as hashes, gone when revoked or ended."""

from datetime import timedelta
from typing import Any

import pytest

from deployments.models import Endpoint, EndpointKey
from deployments.reconcilers import endpoints as reconciler
from deployments.services import keys
from portal.accounts.models import Person
from portal.audit.models import AuditEvent
from portal.core import clock, work
from portal.core.errors import BadInput, NotAllowed, NotFound, Refused, StepUpRequired
from tests import world
from tests.deployments.conftest import Line

pytestmark = pytest.mark.django_db
WHERE: dict[str, Any] = {"environment": "production", "endpoint": "flight-delay"}


@pytest.fixture
def served(line: Line) -> Endpoint:
    line.promote(1)
    return Endpoint.objects.get()


def made(who: Person, endpoint: Endpoint, name: str = "kiosk") -> keys.NewKey:
    actor = world.actor(who)
    world.step_up(actor, keys.binding(endpoint))
    return keys.create(actor=actor, **WHERE, name=name)


def known(line: Line) -> frozenset[str]:
    work.drain()
    return line.runtime.keys("production", "flight-delay")


def test_a_key_is_shown_once_and_known_by_its_hash(line: Line, served: Endpoint) -> None:
    new = made(line.marta, served)
    assert new.secret.startswith("sbx_key_")
    assert known(line) == {keys.hashed(new.secret), keys.hashed(keys.own(served))}
    row = EndpointKey.objects.get()
    assert new.secret not in str(row.__dict__)
    assert (row.made_by, row.last4) == (line.marta, new.secret[-4:])
    event = AuditEvent.objects.get(type="endpoint_key.made")
    assert new.secret.encode() not in bytes(event.canon)
    assert event.search["data"]["endpoint"] == "production/flight-delay"


def test_a_revoked_key_is_taken_from_the_gateway_and_the_others_stay(line: Line, served: Endpoint) -> None:
    first, second = made(line.marta, served), made(line.marta, served, "desk")
    assert len(known(line)) == 3
    keys.revoke(actor=world.actor(line.marta), **WHERE, key_id=str(first.key.pk))
    assert known(line) == {keys.hashed(second.secret), keys.hashed(keys.own(served))}
    with pytest.raises(Refused, match="revoked already"):
        keys.revoke(actor=world.actor(line.marta), **WHERE, key_id=str(first.key.pk))


def test_a_key_ends_by_the_databases_clock(line: Line, served: Endpoint) -> None:
    new = made(line.marta, served)
    assert keys.hashed(new.secret) in keys.hashes(served)
    EndpointKey.objects.update(expires_at=clock.now() - timedelta(seconds=1))
    assert keys.hashes(served) == {keys.hashed(keys.own(served))}


def test_a_runtime_that_came_back_empty_is_told_again(line: Line, served: Endpoint) -> None:
    new = made(line.marta, served)
    known(line)
    line.runtime.allowed.clear()
    Endpoint.objects.update(next_reconcile_at=clock.now())
    assert keys.hashed(new.secret) in known(line)
    assert timedelta(seconds=15) >= reconciler.EVERY


@pytest.mark.parametrize("who", ["priya", "olga"])
def test_who_makes_no_keys(line: Line, served: Endpoint, who: str) -> None:
    with pytest.raises((NotAllowed, NotFound)):
        made(getattr(line, who), served)
    assert not EndpointKey.objects.exists()


def test_a_person_shows_that_it_is_them(line: Line, served: Endpoint) -> None:
    with pytest.raises(StepUpRequired):
        keys.create(actor=world.actor(line.marta), **WHERE, name="kiosk")


@pytest.mark.parametrize(("name", "days"), [("", 9), ("x" * 81, 9), ("two\x07", 9), ("kiosk", 0), ("kiosk", 366)])
def test_a_bad_name_or_life_is_refused_by_field(line: Line, served: Endpoint, name: str, days: int) -> None:
    with pytest.raises(BadInput) as refused:
        keys.create(actor=world.SYSTEM, **WHERE, name=name, days=days)
    assert set(refused.value.fields) <= {"name", "days"}


def test_a_key_of_another_endpoint_is_not_found(line: Line, served: Endpoint) -> None:
    for key_id in ("00000000-0000-0000-0000-000000000000", "no-id"):
        with pytest.raises(NotFound):
            keys.revoke(actor=world.actor(line.marta), **WHERE, key_id=key_id)
