"""Entries of the access log are never in nobody's hand: whoever flushes has them all."""

from types import SimpleNamespace
from typing import cast

import pytest
from django.db.utils import InterfaceError, OperationalError

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


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("error", [InterfaceError("connection already closed"), OperationalError("server closed")])
def test_the_writer_outlives_a_database_that_fails(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    with monkeypatch.context() as failing:

        def fail(*args: object, **options: object) -> None:
            raise error

        failing.setattr(AccessLogEntry.objects, "bulk_create", fail)
        access_log._store([AccessLogEntry(actor="u:1", route="runs/create", subject="run 1", status=200)])
    assert "1 entries of the access log were not kept" in caplog.text
    access_log._store([AccessLogEntry(actor="u:1", route="runs/create", subject="run 2", status=200)])
    assert list(AccessLogEntry.objects.values_list("subject", flat=True)) == ["run 2"]
