"""What the worker does when its broker goes in the middle of a message."""

import uuid
from typing import Any, NoReturn

import pytest
from django.conf import settings
from kombu import Connection
from redis.exceptions import ConnectionError as Gone

from portal.celery import app


def test_a_broker_that_goes_with_a_message_unfinished_ends_no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that has lost its connection drops what it can, then closes the rest, and ends on any other error."""
    queue = f"test-{uuid.uuid4().hex}"
    assert app.conf.task_acks_late, "what is being worked on is unfinished"
    connection = Connection(settings.CELERY_BROKER_URL)
    channel: Any = connection.default_channel
    channel.queue_declare(queue)
    channel.basic_publish(channel.prepare_message("a hint"), exchange="", routing_key=queue)
    assert channel.basic_get(queue) is not None
    channel.queue_delete(queue)

    def gone(*_: object) -> NoReturn:
        channel._in_poll = None
        raise Gone("Connection closed by server.")

    monkeypatch.setattr(channel, "_brpop_read", gone)
    monkeypatch.setattr(connection.transport, "close_connection", gone)
    channel._in_poll = True  # it was listening for the next one
    connection.collect()
    connection.close()
