"""Who is told what about a rollout, in the transaction of the verb that is the reason."""

import logging
from collections.abc import Callable, Iterable
from functools import wraps
from typing import ParamSpec

from django.db import Error

from deployments.models import AbRun, Rollout
from deployments.selectors import rollouts_waiting, steering
from portal.audit.models import AuditEvent
from portal.notices.services import notices

log = logging.getLogger(__name__)
P = ParamSpec("P")
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


def _safely(told: Callable[P, None]) -> Callable[P, None]:
    """What goes wrong in telling is logged and stops no rollout: it waits in the inbox all the same. What the database
    refuses ends the transaction, and the verb is tried again as a whole."""

    @wraps(told)
    def safe(*args: P.args, **named: P.kwargs) -> None:
        try:
            told(*args, **named)
        except Error:
            raise
        except Exception:
            log.exception("people could not be told: %s", told.__name__)

    return safe


@_safely
def paused(row: Rollout, why: str) -> None:
    """The traffic stays as it is until somebody decides; on an A/B test, on its page."""
    tests = steering.tests(row) and AbRun.objects.filter(rollout=row, step=row.step).exists()
    below = f"rollouts/{row.pk}/ab-test/?step={row.step}" if tests else ""
    _tell(row, "rollout.paused", f"{row.step}.{row.paused_at}", "The rollout waits for you", why, below=below)


@_safely
def cannot_begin(row: Rollout, why: str) -> None:
    """The runtime does not answer, so nothing has moved yet."""
    text = f"{why} It begins by itself once it does."
    _tell(row, "rollout.away", "away", "The rollout cannot begin", text)


@_safely
def lost(row: Rollout, why: str) -> None:
    """The new version was warm, and is not ready any more."""
    _tell(row, "rollout.lost", f"lost.{row.away_since}", "The new version is not ready", why)


@_safely
def stopped(row: Rollout, why: str) -> None:
    """A guard failed: all traffic goes back to the champion by itself."""
    text = f"{_whole(why)} The champion serves as before."
    _tell(row, "rollout.stopped", "stopped", "The rollout stopped by itself", text)


@_safely
def rollback_ended(row: Rollout, why: str) -> None:
    """It was given up: what served before it serves on."""
    text = f"{_whole(why)} It is taken back itself."
    _tell(row, "rollback.failed", "failed", "The rollback did not come to its end", text)


@_safely
def stuck(row: Rollout, why: str) -> None:
    """It was given up, and the traffic cannot be led back yet."""
    _tell(row, "rollout.stuck", "stuck", "The way back has to wait", f"{why} The traffic goes back once it can.")


@_safely
def unsure(row: Rollout, why: str) -> None:
    """The traffic went back to the champion, and no probe could see it answer."""
    _tell(row, "rollout.unproven", "unproven", "Look at what is served", f"{why} The router says it went back.")


@_safely
def hurry_asked(row: Rollout, asking: str) -> None:
    """Somebody wants to go on before all is gathered that the plan waits for: everybody who could agree is asked, once
    for each `asking`, the id of its event."""
    text, below = f"{row.hurried_by} asks to go on early: {row.hurried_why}", f"rollouts/{row.pk}/advance/"
    able = rollouts_waiting.second_people(row)
    _tell(
        row,
        "rollout.hurry_asked",
        f"{row.step}.hurry.{asking}",
        rollouts_waiting.SECOND,
        text,
        below=below,
        people=able,
    )
