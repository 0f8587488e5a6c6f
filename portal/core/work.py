"""Work to do is a row with a due time; a message is only a hint.

Apps register reconcilers for their `Leased` tables and functions that run once per period. `sweep()` does whatever is
due; `do()` does one row now, when a message said so. Any number of workers may sweep: leases keep them apart.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.apps import apps
from django.db import close_old_connections, transaction

from portal.core import clock, doorbell, leases, outages
from portal.core.leases import Lease, Leased, LeaseLost

log = logging.getLogger(__name__)
Reconcile = Callable[[Lease], datetime | None]


@dataclass(frozen=True, slots=True)
class Kind:
    """`reconcile(lease)` looks at one row, acts, records, and returns when to look again (None: nothing is left).

    `words` is what people call such rows. What is `urgent` a worker also sweeps for alone, so that no long job, no
    scanner that hangs and no MLflow that does not answer delays it.
    """

    name: str
    model_label: str
    reconcile: Reconcile
    lease_seconds: int = 30
    words: str = ""
    urgent: bool = False

    @property
    def model(self) -> type[Leased]:
        return apps.get_model(self.model_label)


class Retry(Exception):
    """Raised by a reconciler: this attempt failed and is accounted for; look again at `at`.

    Attempts are kept counting unless `counted` says that this one was not the work's own fault.
    """

    def __init__(self, at: datetime, *, counted: bool = True) -> None:
        super().__init__(at.isoformat())
        self.at, self.counted = at, counted


KINDS: dict[str, Kind] = {}
PERIODIC: dict[str, tuple[int, Callable[[], Any]]] = {}


def register(
    name: str, model_label: str, reconcile: Reconcile, *, words: str, lease_seconds: int = 30, urgent: bool = False
) -> None:
    KINDS[name] = Kind(name, model_label, reconcile, lease_seconds, words, urgent)


def periodic(name: str, every_seconds: int, run: Callable[[], Any]) -> None:
    """Run `run()` about every `every_seconds`, once per period however many workers sweep."""
    PERIODIC[name] = (every_seconds, run)


def ring(name: str, pk: int) -> None:
    """Ask a worker to look at the row as soon as this transaction has committed.

    The row itself must already be due. A broker that is away only makes the work wait for the next sweep.
    """
    transaction.on_commit(partial(doorbell.ring, name, pk), robust=True)


def do(name: str, pk: int) -> bool:
    """Reconcile one row now if it is due and free. True when this process did it, and was not replaced meanwhile."""
    kind = KINDS[name]
    lease = leases.claim(kind.model, pk, seconds=kind.lease_seconds)
    if lease is None:
        return False
    try:
        again_at = kind.reconcile(lease)
    except Retry as retry:
        leases.release(lease, again_at=retry.at, progressed=not retry.counted)
        return True
    except LeaseLost:
        log.warning("%s %s was taken over by another worker", name, pk)
        return False
    except Exception:
        delay = min(300, 2 ** min(lease.attempt, 8))
        log.exception("%s %s failed at attempt %s; again in %s s", name, pk, lease.attempt, delay)
        leases.release(lease, again_at=clock.now() + timedelta(seconds=delay), progressed=False)
        return True
    return leases.release(lease, again_at=again_at)


def sweep(*, limit: int = 50) -> int:
    """Do everything that is due once; the number of rows this process worked on."""
    done = run_periodic()
    for kind in list(KINDS.values()):
        done += _sweep_kind(kind, limit)
    return done


def sweep_urgent(*, limit: int = 50) -> int:
    """As `sweep`, of the urgent kinds alone."""
    return sum(_sweep_kind(kind, limit) for kind in list(KINDS.values()) if kind.urgent)


def _sweep_kind(kind: Kind, limit: int) -> int:
    leases.free_dead(kind.model)
    return sum(do(kind.name, pk) for pk in leases.due(kind.model, limit=limit))


def run_periodic() -> int:
    """Run the periodic functions whose period has passed."""
    from portal.core.models import PeriodicTask

    for name in PERIODIC:
        PeriodicTask.objects.get_or_create(name=name, defaults={"next_reconcile_at": clock.now()})
    leases.free_dead(PeriodicTask)
    done = 0
    for row in PeriodicTask.objects.filter(pk__in=leases.due(PeriodicTask), name__in=PERIODIC):
        lease = leases.claim(PeriodicTask, row.pk, seconds=120)
        if lease is None:
            continue
        every, run = PERIODIC[row.name]
        try:
            run()
        except Exception:
            log.exception("periodic work %s failed; again in %s s", row.name, every)
        leases.release(lease, again_at=clock.now() + timedelta(seconds=every))
        done += 1
    return done


def drain(*, passes: int = 50) -> None:
    """Sweep until nothing is due. For commands and tests that want the world to come to rest."""
    for _ in range(passes):
        if not sweep():
            return


def sweep_safely(act: Callable[[], int] = sweep) -> None:
    """One sweep that survives the loss of the database connection: the next one starts with a fresh one."""
    close_old_connections()
    try:
        act()
    except Exception as error:
        if outages.of_database(error) is None:
            raise
        log.warning("sweep waits for the database (%s)", outages.briefly(error))
    finally:
        close_old_connections()
