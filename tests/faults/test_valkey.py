"""Valkey without memory, or without an answer: nobody is let in, all else goes on, and all is well soon after."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
import redis
from django.conf import settings

from portal.accounts.models import Person
from portal.celery import app
from portal.core import doorbell, work
from tests.accounts.browser import Browser
from tests.accounts.limits import fresh_cache
from tests.callers import PASSWORD, Caller, with_password
from tests.deployments.conftest import Line
from tests.deployments.test_rollbacks import order, serving
from tests.faults import making
from tests.races.conftest import racing as racing
from tests.races.conftest import runtime as runtime
from tests.waiting import wait_until

AT_ONCE = 8.0
"""The work itself, on a busy machine. One message that is waited for takes ten seconds, and there are several."""
BINDING = "sha256:" + "0" * 64


@pytest.fixture
def valkey() -> Iterator["redis.Redis"]:
    with closing(redis.Redis.from_url(settings.REDIS_URL)) as client:
        yield client


@contextmanager
def stalled(client: "redis.Redis") -> Iterator[None]:
    """Within, it takes everything and answers nothing."""
    pid = int(client.info("server")["process_id"])
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def approving(number: int, person: Person) -> Callable[[], Any]:
    """The approval, for which the second look is over: that one has to be counted."""
    caller, path = Caller(person), f"promotions/{number}/approve/"
    body = {"seen": caller.get(f"promotions/{number}/").json()["evidence_digest"]}
    assert caller.step_up(caller.post(path, body).json()["binding"]).status_code in (200, 201)
    return lambda: caller.post(path, body)


@pytest.mark.parametrize("trouble", [making.full, stalled])
def test_nobody_is_let_in_while_reading_deciding_and_rolling_back_go_on(
    racing: Line, valkey: "redis.Redis", trouble: Callable[["redis.Redis"], Any]
) -> None:
    for person in (racing.marta, racing.daniel):
        with_password(person)
    racing.promote(1)
    row = racing.approve(racing.submit(2), racing.marta)
    approve, daniel, browser = approving(row.pk, racing.daniel), Caller(racing.daniel), Browser()
    with trouble(valkey):
        began = time.monotonic()
        assert daniel.client.get("/models/").status_code == 200
        assert approve().status_code == 200
        work.drain()
        assert serving(racing) == 2
        order(racing)
        work.drain()
        assert serving(racing) == 1
        assert time.monotonic() - began < AT_ONCE
        assert browser.sign_in(racing.marta, PASSWORD).status_code == 503
        if trouble is making.full:
            refused = daniel.step_up(BINDING)
            assert (refused.status_code, refused.json()["code"]) == (503, "limits_unavailable")
    # The sign-in library's own lock, taken by an attempt that was cut off, keeps that address out for ten seconds.
    with fresh_cache():
        assert browser.sign_in(racing.marta, PASSWORD).status_code == 200
    assert daniel.step_up(BINDING).status_code in (200, 201)


def test_nobody_waits_for_a_message_and_the_bell_is_rung_again_soon(valkey: "redis.Redis") -> None:
    with stalled(valkey):
        began = time.monotonic()
        for number in range(2 * doorbell.MOST_WAITING):
            doorbell.ring("core.job", number)
        assert time.monotonic() - began < 1
    before = valkey.llen("celery")

    def heard() -> bool:
        doorbell.ring("core.job", 1)
        return int(valkey.llen("celery")) > before

    wait_until(heard, 10, "a message to be taken again")


def test_a_worker_outlives_a_valkey_without_memory(valkey: "redis.Redis") -> None:
    """It has taken a message and cannot note there that it did."""
    with app.connection_for_read() as connection, making.full(valkey):
        channel: Any = connection.default_channel
        with pytest.raises(connection.channel_errors):
            channel.client.lpush("celery", "x")
    assert app.conf.broker_channel_error_retry, "it ends on such an error otherwise"
