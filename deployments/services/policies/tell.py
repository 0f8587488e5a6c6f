"""Who is told what about a change of a policy, in the transaction of the verb that is the reason."""

from collections.abc import Iterable

from deployments.models import PolicyVersion
from deployments.policies.promotion import PersonFacts
from portal.notices.services import notices


def _url(row: PolicyVersion) -> str:
    return f"/settings/policies/changes/{row.pk}/"


def approvers(row: PolicyVersion, people: Iterable[PersonFacts]) -> None:
    """Everybody who can approve is asked, once."""
    notices.tell(
        person_ids=[person.person_id for person in people],
        kind="policy.waits",
        dedup=str(row.pk),
        subject=f"Your decision is needed: a change of the policy {row.policy}",
        text=row.why or f"{row.proposed_by or row.created_through} proposes a change of the policy {row.policy}.",
        url=_url(row),
    )


def decided(row: PolicyVersion, how: str) -> None:
    """Who wrote and proposed it hears how it went."""
    notices.tell(
        person_ids=sorted({*row.editors, *([row.proposed_by_id] if row.proposed_by_id else [])}),
        kind="policy.decided",
        dedup=f"{row.pk}.{row.status}",
        subject=f"Your change of the policy {row.policy} {how}",
        text=row.decision_note or f"Your change of the policy {row.policy} {how}.",
        url=_url(row),
    )
