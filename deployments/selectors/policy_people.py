"""Who could approve a change of a policy."""

from deployments.policies import change
from deployments.policies.promotion import PersonFacts
from deployments.selectors import facts as read
from portal.accounts.models import Person


def approvers(found: change.ChangeFacts) -> list[PersonFacts]:
    """Active people who could approve the change."""
    rows = Person.objects.filter(is_active=True, role_grants__isnull=False).distinct().order_by("name")
    people = [read.person(row) for row in rows.prefetch_related("role_grants")]
    return [p for p in people if p.person_id not in found.authors and change.able(p.grants, found)]
