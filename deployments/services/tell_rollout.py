"""Who is told what about a rollout, in the transaction of the verb that is the reason."""

from collections.abc import Iterable

from deployments.models import AbRun, Rollout
from deployments.selectors import rollouts_waiting
from portal.audit.models import AuditEvent
from portal.notices.services import notices

PERSON = "person:"
"""How the ids of people begin among those of all actors."""


def _people(row: Rollout) -> list[int]:
    """Who asked for it, who approved it, who started it, and who has steered it."""
    log = AuditEvent.objects.filter(subject_type="rollout", subject_id=str(row.pk), outcome="success")
    acted = {row.started_by, *log.filter(actor_kind="user").values_list("actor_id", flat=True)}
    found = {int(one.removeprefix(PERSON)) for one in acted if one.startswith(PERSON)}
    if row.request is not None:
        given = row.request.approvals.filter(evidence_digest=row.request.evidence_digest)
        found |= {row.request.requester_id, *given.values_list("reviewer_id", flat=True)}
    return sorted(found)


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


def _whole(why: str) -> str:
    """A sentence with its end, once."""
    return f"{why.rstrip().rstrip('.')}."


def paused(row: Rollout, why: str) -> None:
    """The traffic stays as it is until somebody decides; on an A/B test, on its page."""
    tests = row.plan[row.step]["do"] == "ab_test" and AbRun.objects.filter(rollout=row, step=row.step).exists()
    below = f"rollouts/{row.pk}/ab-test/?step={row.step}" if tests else ""
    _tell(row, "rollout.paused", f"{row.step}.{row.paused_at}", "The rollout waits for you", why, below=below)


def cannot_begin(row: Rollout, why: str) -> None:
    """The runtime does not answer, so nothing has moved yet."""
    text = f"{why} It begins by itself once it does."
    _tell(row, "rollout.away", "away", "The rollout cannot begin", text)


def lost(row: Rollout, why: str) -> None:
    """The new version was warm, and is not ready any more."""
    _tell(row, "rollout.lost", f"lost.{row.away_since}", "The new version is not ready", why)


def stopped(row: Rollout, why: str) -> None:
    """A guard failed: all traffic goes back to the champion by itself."""
    _tell(
        row,
        "rollout.stopped",
        "stopped",
        "The rollout stopped by itself",
        f"{_whole(why)} The champion serves as before.",
    )


def rollback_ended(row: Rollout, why: str) -> None:
    """It was given up: what served before it serves on."""
    _tell(
        row,
        "rollback.failed",
        "failed",
        "The rollback did not come to its end",
        f"{_whole(why)} It is taken back itself.",
    )


def stuck(row: Rollout, why: str) -> None:
    """It was given up, and the traffic cannot be led back yet."""
    _tell(row, "rollout.stuck", "stuck", "The way back has to wait", f"{why} The traffic goes back once it can.")


def unsure(row: Rollout, why: str) -> None:
    """The traffic went back to the champion, and no probe could see it answer."""
    _tell(row, "rollout.unproven", "unproven", "Look at what is served", f"{why} The router says it went back.")


def hurry_asked(row: Rollout) -> None:
    """Somebody wants to go on before all is gathered that the plan waits for: everybody who could agree is asked."""
    text, below = f"{row.hurried_by} asks to go on early: {row.hurried_why}", f"rollouts/{row.pk}/advance/"
    able = rollouts_waiting.second_people(row)
    _tell(row, "rollout.hurry_asked", f"{row.step}.hurry", rollouts_waiting.SECOND, text, below=below, people=able)
