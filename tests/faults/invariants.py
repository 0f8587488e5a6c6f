"""What must hold after any fault, asked of the portal's own tables: R1, R2, R3, R5, R6, R7 and R9 of the design.

Run inside the portal: `manage.py shell -c "from tests.faults import invariants; invariants.tell()"`.
"""

import json
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from tests.faults import leftovers

LATE = timedelta(seconds=60)
"""Two leases: what is due or held for longer than this is lost."""


def tell() -> None:
    """Everything that is wrong, as one line of JSON."""
    print("INVARIANTS " + json.dumps(sorted(wrong())))


def wrong() -> Iterable[str]:
    yield from _approvals()
    yield from _executions()
    yield from _weights()
    yield from _digests()
    yield from _work()
    yield from leftovers.wrong()


def _approvals() -> Iterable[str]:
    """R1: each approval once, with its event in the log."""
    from deployments.models import Approval
    from portal.audit.models import AuditEvent

    events: Counter[str] = Counter(
        AuditEvent.objects.filter(type="promotion.approved", outcome="success").values_list("subject_id", flat=True)
    )
    given = Counter(str(pk) for pk in Approval.objects.values_list("request_id", flat=True))
    for request, count in given.items():
        if events[request] < count:
            yield f"R1 request {request} has {count} approvals and {events[request]} events"


def _executions() -> Iterable[str]:
    """R2: a request is carried out once, and an endpoint has one rollout at a time."""
    from deployments.models import Rollout
    from deployments.states import rollout as states

    done = Counter(
        Rollout.objects.filter(status="completed", kind="promotion", request__isnull=False).values_list(
            "request_id", flat=True
        )
    )
    yield from (f"R2 request {request} was carried out {count} times" for request, count in done.items() if count > 1)
    active = Rollout.objects.filter(status__in=states.ACTIVE)
    yield from (f"R2 {row} is still {row.status}" for row in active)


def _weights() -> Iterable[str]:
    """R3: every table sums to the whole, and numbers rise as tables were taken."""
    from deployments.models import Endpoint, RouteTable

    for table in RouteTable.objects.all():
        if table.stable_weight + table.canary_weight != 10_000:
            yield f"R3 table {table.pk} has {table.stable_weight} and {table.canary_weight}"
    for endpoint in Endpoint.objects.all():
        numbers = list(endpoint.route_tables.order_by("pk").values_list("generation", flat=True))
        if numbers != sorted(set(numbers)):
            yield f"R3 the generations of {endpoint} do not rise: {numbers}"


def _digests() -> Iterable[str]:
    """R5: what the runtime has loaded is what was approved."""
    from deployments.adapters import serving
    from deployments.models import Endpoint

    found: dict[str, Any] = serving.runtime().revisions()
    for endpoint in Endpoint.objects.exclude(stable=None).select_related("stable__version"):
        stable = endpoint.stable
        live = found.get(str(stable.pk)) if stable else None
        if stable is None or live is None or live.state != "ready":
            yield f"R5 {endpoint} has no revision ready"
        elif not live.digest == stable.digest == stable.version.digest:
            yield f"R5 {endpoint} serves other bytes than were approved"


def _work() -> Iterable[str]:
    """R6 and R7: no lease that nobody renews, and nothing due that nobody does (mail and deliveries are such rows)."""
    from portal.core import clock, work

    before = clock.now() - LATE
    for kind in work.KINDS.values():
        rows = kind.model._default_manager
        held = rows.filter(lease_until__lt=before).exclude(lease_owner="").count()
        due = rows.filter(next_reconcile_at__lt=before).count()
        if held:
            yield f"R6 {held} {kind.words} are held under leases that ran out"
        if due:
            yield f"R6 {due} {kind.words} have been due for more than a minute"
