"""Open severe incidents, as the gate asks for them: what was deleted in MLflow behind the portal and is still gone."""

from collections.abc import Sequence

from django.db.models import Q

from deployments.gates.facts import Incident
from portal.audit.models import AuditEvent
from registry.models import ModelVersion
from registry.services import drift, models, versions


def open_severe(rows: Sequence[ModelVersion]) -> list[Incident]:
    """One for each of these versions that MLflow no longer has, and one when it no longer has the model."""
    subjects = [versions.subject(row) for row in rows] + [models.subject(row.model) for row in rows[:1]]
    known = Q()
    for subject in subjects:
        known |= Q(subject_type=subject.type, subject_id=subject.id)
    found = AuditEvent.objects.filter(known, type="registry.drift_found", search__data__what__in=drift.GONE)
    return [
        Incident(f"{event.subject_name} was deleted in MLflow, not through the portal", f"/audit/{event.pk}/")
        for event in found.order_by("at", "pk")
    ]
