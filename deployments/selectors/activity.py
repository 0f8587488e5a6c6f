"""What happened to a request: its comments and its events in one line of time."""

from dataclasses import dataclass
from datetime import datetime

from deployments.models import Bypass, PromotionComment, PromotionRequest
from portal.audit import recorder
from portal.audit.recorder import Subject
from portal.auditors.selectors import events
from portal.auditors.selectors.events import EventView

KINDS = {"all": "All", "comments": "Comments", "events": "Events"}
LIMIT = 200
LOOKS = {
    "promotion.submitted": ("rocket", "info"),
    "promotion.resubmitted": ("rocket", "info"),
    "promotion.approved": ("circle-check", "ok"),
    "promotion.approved_in_full": ("check", "ok"),
    "promotion.promoted": ("check", "ok"),
    "promotion.executed": ("rocket", "info"),
    "promotion.changes_requested": ("message", "warn"),
    "promotion.voided": ("alert", "warn"),
    "promotion.rolled_back": ("arrow-back", "warn"),
    "promotion.champion_kept": ("check", "info"),
    "promotion.rejected": ("x", "bad"),
    "promotion.failed": ("alert", "bad"),
    "bypass.asked": ("alert", "warn"),
    "bypass.granted": ("alert", "bad"),
    "bypass.granted_in_full": ("alert", "bad"),
    "bypass.used": ("alert", "bad"),
    "bypass.upheld": ("circle-check", "bad"),
    "bypass.not_upheld": ("x", "bad"),
}
QUIET = ("promotion.commented",)
"""Events that a comment's own row already shows."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the timeline. `text` is what a person wrote; `detail` what the event recorded in short."""

    anchor: str
    at: datetime
    icon: str
    tone: str
    sentence: str
    text: str = ""
    detail: str = ""
    who: str = ""
    event_id: str = ""


def timeline(row: PromotionRequest, kind: str = "all") -> list[Entry]:
    """The entries of one kind, oldest first."""
    found: list[Entry] = []
    if kind in ("all", "events"):
        found += _events(Subject.of("promotion_request", row.pk, ""))
        for bypass in row.bypasses.all():
            found += of_bypass(bypass)
    if kind in ("all", "comments"):
        found += [_comment(comment) for comment in row.comments.all()[:LIMIT]]
    return sorted(found, key=lambda entry: entry.at)


def of_bypass(row: Bypass) -> list[Entry]:
    """What happened to a bypass, oldest first; the request's page shows it too."""
    return _events(Subject.of("bypass", row.pk, ""))


def _events(subject: Subject) -> list[Entry]:
    rows = recorder.events_of(subject).exclude(type__in=QUIET).order_by("id").select_related("leaf")
    return [_event(view) for view in events.views(rows[:LIMIT])]


def _event(view: EventView) -> Entry:
    icon, tone = LOOKS.get(view.type, ("clock", "mute"))
    refused = view.outcome != "success"
    digest = str(view.data.get("evidence_digest", ""))
    signed = view.type == "promotion.approved" and not refused
    return Entry(
        anchor=f"e-{view.id}",
        at=view.at,
        icon="x" if refused else icon,
        tone="bad" if refused else tone,
        sentence=f"Refused: {view.sentence}" if refused else view.sentence,
        text=str(view.data.get("why") or ("" if view.actor_kind == "system" else view.reason)),
        detail=f"signed evidence {digest.removeprefix('sha256:')[:6]}" if signed else "",
        event_id=view.id,
    )


def _comment(comment: PromotionComment) -> Entry:
    return Entry(
        anchor=f"c-{comment.pk}",
        at=comment.at,
        icon="message",
        tone="mute",
        sentence="",
        text=comment.text,
        who=comment.author_label,
    )
