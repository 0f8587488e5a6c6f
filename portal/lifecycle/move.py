"""The only writer of a status."""

from typing import Any, TypeVar

from django.db import connection, models

from portal.audit import recorder
from portal.audit.columns import recorded
from portal.audit.recorder import Subject
from portal.core.actors import Actor
from portal.core.locking import lock
from portal.lifecycle.catalogue import machine_for

Row = TypeVar("Row", bound=models.Model)


def move(
    row: Row,
    event: str,
    *,
    actor: Actor,
    data: dict[str, Any] | None = None,
    reason: str = "",
    name: str = "",
    **columns: Any,
) -> Row:
    """Take `row` through `event`: lock it, ask the table, save the status and `columns`, record the event's verb.

    Returns the same object, refreshed. The caller has opened the transaction and holds the locks above this row
    (docs/locking.md). Raises `Refused` when the table has no such arrow from the row's present state.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("move() belongs in the transaction of a verb")
    machine = machine_for(row)
    fresh = lock(type(row)._default_manager.filter(pk=row.pk))
    was = getattr(fresh, machine.field)
    now = machine.next(was, event)
    before = {machine.field: was} | recorded(fresh, {key: getattr(fresh, key) for key in columns})
    for key, value in columns.items():
        setattr(fresh, key, value)
    setattr(fresh, machine.field, now)
    fresh.save(update_fields=[machine.field, *columns])
    recorder.record(
        machine.event(event).verb,
        actor=actor,
        subject=Subject.of(machine.subject_type, row.pk, name or str(fresh)),
        data=data,
        before=before,
        after={machine.field: now} | recorded(fresh, columns),
        reason=reason,
    )
    row.refresh_from_db()
    return row
