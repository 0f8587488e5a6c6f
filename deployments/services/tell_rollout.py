"""Who is told what about a rollout, in the transaction of the verb that is the reason."""

from collections.abc import Iterable

from deployments.models import AbRun, Rollout
from deployments.selectors import rollouts_waiting
from portal.notices.services import notices


def _people(row: Rollout) -> list[int]:
    """Who asked for it and who approved it."""
    if row.request is None:
        return []
    given = row.request.approvals.filter(evidence_digest=row.request.evidence_digest)
    return sorted({row.request.requester_id, *given.values_list("reviewer_id", flat=True)})


def _url(row: Rollout) -> str:
    return f"/endpoints/{row.endpoint.environment.name}/{row.endpoint.name}/"


def _tell(
    row: Rollout,
    kind: str,
    dedup: str,
    subject: str,
    text: str,
    *,
    below: str = "",
    people: Iterable[int] | None = None,
) -> None:
    notices.tell(
        person_ids=_people(row) if people is None else people,
        kind=kind,
        dedup=f"{row.pk}.{dedup}",
        subject=f"{subject}: {row.to_revision.version} on {row.endpoint}"[:200],
        text=text,
        url=_url(row) + below,
    )


def paused(row: Rollout, why: str) -> None:
    """The traffic stays as it is until somebody decides; on an A/B test, on its page."""
    tests = row.plan[row.step]["do"] == "ab_test" and AbRun.objects.filter(rollout=row, step=row.step).exists()
    below = f"rollouts/{row.pk}/ab-test/?step={row.step}" if tests else ""
    _tell(row, "rollout.paused", f"{row.step}.{row.paused_at}", "The rollout waits for you", why, below=below)


def cannot_begin(row: Rollout, why: str) -> None:
    """The runtime does not answer, so nothing has moved yet."""
    text = f"{why} It begins by itself once it does."
    _tell(row, "rollout.away", "away", "The rollout cannot begin", text)


def stopped(row: Rollout, why: str) -> None:
    """A guard failed: all traffic goes back to the champion by itself."""
    _tell(row, "rollout.stopped", "stopped", "The rollout stopped by itself", f"{why}. The champion serves as before.")


def unsure(row: Rollout, why: str) -> None:
    """The traffic went back to the champion, and no probe could see it answer."""
    _tell(row, "rollout.unproven", "unproven", "Look at what is served", f"{why} The router says it went back.")


def hurry_asked(row: Rollout) -> None:
    """Somebody wants to go on before the guards have their sample: everybody who could agree is asked."""
    text, below = f"{row.hurried_by} asks to go on early: {row.hurried_why}", f"rollouts/{row.pk}/advance/"
    able = rollouts_waiting.second_people(row)
    _tell(row, "rollout.hurry_asked", f"{row.step}.hurry", rollouts_waiting.SECOND, text, below=below, people=able)
