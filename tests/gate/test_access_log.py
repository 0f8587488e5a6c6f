"""Entries of the access log are never in nobody's hand: whoever flushes has them all."""

from types import SimpleNamespace
from typing import cast

import pytest

from registry.gate import access_log
from registry.gate.authorize import Call
from registry.models import AccessLogEntry


def call(subject: str) -> Call:
    parts = SimpleNamespace(actor=SimpleNamespace(id="u:1"), route=SimpleNamespace(name="runs/create"), subject=subject)
    return cast(Call, parts)


@pytest.mark.django_db(transaction=True)
def test_flush_writes_what_the_writer_is_waiting_to_write(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_log, "EVERY_SECONDS", 5.0)
    for number in range(20):
        access_log.note(call(f"run {number}"), 200)
    access_log.flush()
    assert AccessLogEntry.objects.count() == 20
    access_log.flush()
    assert AccessLogEntry.objects.count() == 20
