"""The part of a page that follows a job until its end."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render

from portal.accounts.web import PortalRequest
from portal.core.models import Job, JobState

MOVING = (JobState.QUEUED, JobState.RUNNING)
LOOKS = {
    JobState.QUEUED: ("mute", "Waiting for a worker"),
    JobState.RUNNING: ("info", "Running"),
    JobState.SUCCEEDED: ("ok", "Done"),
    JobState.FAILED: ("bad", "Failed"),
    JobState.CANCELLED: ("mute", "Cancelled"),
}


@dataclass(frozen=True, slots=True)
class Live:
    """`tag` changes whenever the part would look different; `seconds` is how often to ask again, 0 at the end."""

    tag: str
    seconds: int
    tone: str
    words: str


def look(state: str) -> tuple[str, str]:
    """Tone and words of a job's state."""
    return LOOKS[JobState(state)]


def of(state: str, done: int, total: int, *, name: str = "") -> Live:
    return Live(f"{name}{state}-{done}-{total}", 1 if state in MOVING else 0, *look(state))


def of_job(job: Job | None) -> Live | None:
    return None if job is None else of(job.state, job.progress_done, job.progress_total, name=f"{job.pk}-")


def answer(request: PortalRequest, live: Live | None, partial: str, page: str, context: dict[str, Any]) -> HttpResponse:
    """The page, or for a poll its part; 304 when the browser already shows it."""
    tag = live.tag if live else ""
    if not request.htmx or request.htmx.boosted:
        response = render(request, page, context)
    elif tag and request.headers.get("HX-PTag") == tag:
        response = HttpResponse(status=304)
    else:
        response = render(request, partial, context)
        response["HX-PTag"] = tag
    response["Vary"] = "HX-Request"
    return response
