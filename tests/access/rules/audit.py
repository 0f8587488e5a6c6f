"""The log: auditors read and take it away, administrators read it, nobody else."""

from collections.abc import Mapping
from typing import Any

from tests.access_matrix import ADMIN, AUDITOR, World, call, page

READERS = (AUDITOR, ADMIN)
TAKERS = (AUDITOR,)
SCOPE = ("audit",)


def event(world: World) -> Mapping[str, Any]:
    return {"event_id": world.event.pk}


def export(world: World) -> Mapping[str, Any]:
    """An export the auditor asked for, which nobody else finds."""
    return {"pk": world.export.pk}


NOT_THEIRS = {"token:audit": 404}
NOT_WRITTEN_YET = 404

RULES = (
    page("audit:events", may=READERS),
    page("audit:event", may=READERS, kwargs=event),
    page("audit:event_row", may=READERS, kwargs=event),
    page("audit:verify", may=READERS),
    page("audit:verify", "POST", may=READERS, ok=302),
    page("audit:key", may=READERS),
    page("audit:verifier", may=READERS),
    page("audit:exports", may=TAKERS),
    page("audit:export_new", "POST", may=TAKERS, ok=302),
    page("audit:export", may=TAKERS, kwargs=export),
    page("audit:export_file", may=TAKERS, ok=NOT_WRITTEN_YET, kwargs=export),
    call("api:audit_api:events", may=READERS, scopes=SCOPE),
    call("api:audit_api:event", may=READERS, scopes=SCOPE, kwargs=event),
    call("api:audit_api:event_proof", may=READERS, ok=202, scopes=SCOPE, kwargs=event),
    call("api:audit_api:checkpoint", may=READERS, ok=404, scopes=SCOPE),
    call("api:audit_api:verify", "POST", may=READERS, ok=202, scopes=SCOPE),
    call("api:audit_api:exports", may=TAKERS, scopes=SCOPE),
    call("api:audit_api:exports", "POST", may=TAKERS, ok=202, scopes=SCOPE),
    call("api:audit_api:export", may=TAKERS, kwargs=export, special=NOT_THEIRS),
    call("api:audit_api:export_file", may=TAKERS, ok=NOT_WRITTEN_YET, kwargs=export, special=NOT_THEIRS),
)
