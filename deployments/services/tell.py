"""Who is told what about a promotion, in the transaction of the verb that is the reason."""

from deployments.models import PromotionComment, PromotionRequest
from deployments.policies.promotion import PersonFacts, RequestFacts, excluded, fits
from deployments.policies.timing import Timing
from deployments.selectors import facts as read
from portal.notices.services import notices


def _url(row: PromotionRequest) -> str:
    return f"/promotions/{row.pk}/"


def _what(row: PromotionRequest) -> str:
    return f"{row.version} to {row.endpoint.environment.name}"


def _may_fill(person: PersonFacts, facts: RequestFacts) -> bool:
    return any(fits(rule, person.grants, facts) for rule in facts.rules.approvals)


def reviewers(row: PromotionRequest, facts: RequestFacts) -> None:
    """Everybody who can approve is asked, once per revision of the request."""
    able = [p.person_id for p in read.reviewers(facts) if not excluded(p.person_id, facts) and _may_fill(p, facts)]
    notices.tell(
        person_ids=able,
        kind="promotion.waits",
        dedup=f"{row.pk}.{row.revision}",
        subject=f"Your decision is needed: {_what(row)}",
        text=f"{row.requester} asks that {_what(row).replace(' to ', ' become champion in ')}.\n\n{row.why}",
        url=_url(row),
    )


def decided(row: PromotionRequest, how: str, why: str = "") -> None:
    """Who asked hears how it went, and why where that is not in the request's own note."""
    notices.tell(
        person_ids=[row.requester_id],
        kind="promotion.decided",
        dedup=f"{row.pk}.{row.revision}.{row.status}",
        subject=f"Your request {how}: {_what(row)}",
        text=why or row.decision_note or f"Request #{row.pk} {how}.",
        url=_url(row),
    )


def waits(row: PromotionRequest, held: Timing) -> None:
    """Who asked hears once that it is approved and what it waits for."""
    notices.tell(
        person_ids=[row.requester_id],
        kind="promotion.waits_for_its_time",
        dedup=f"{row.pk}.{row.revision}",
        subject=f"Your request was approved and {held.words}"[:200],
        text=f"{_what(row)} {held.words}. It starts by itself then, if its approvals still count.",
        url=_url(row),
    )


def voided(row: PromotionRequest, why: str) -> None:
    """Who asked and who had approved hear that the approvals no longer count."""
    given = row.approvals.filter(request_revision=row.revision - 1).values_list("reviewer_id", flat=True)
    notices.tell(
        person_ids=sorted({row.requester_id, *given}),
        kind="promotion.voided",
        dedup=f"{row.pk}.{row.revision}",
        subject=f"The approvals were withdrawn: {_what(row)}",
        text=f"{why}. The evidence was frozen anew and has to be approved again.",
        url=_url(row),
    )


def commented(row: PromotionRequest, comment: PromotionComment) -> None:
    """Who asked and who took part before hear of a new comment, but not who wrote it."""
    others = set(row.comments.exclude(author=None).values_list("author_id", flat=True))
    others |= set(row.approvals.values_list("reviewer_id", flat=True)) | {row.requester_id}
    notices.tell(
        person_ids=sorted(others - {comment.author_id}),
        kind="promotion.commented",
        dedup=f"{row.pk}.{comment.pk}",
        subject=f"{comment.author_label} commented: {_what(row)}",
        text=comment.text,
        url=f"{_url(row)}#c-{comment.pk}",
    )
