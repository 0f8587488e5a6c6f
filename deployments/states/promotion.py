"""The life of a promotion request."""

from portal.lifecycle.machine import Event, Machine, State

OPEN = ("pending_review", "changes_requested", "approved")
"""Waiting for somebody or something; `rolling_out` is open too, but it is the rollout that moves it on."""

MOVING = ("approved", "rolling_out")
"""Nobody has to do anything for it to go on."""

MACHINE = Machine(
    name="promotion request",
    model_label="deployments.PromotionRequest",
    subject_type="promotion_request",
    initial="pending_review",
    states=(
        State("pending_review", "Awaiting approval", "info", "clock"),
        State("changes_requested", "Changes requested", "warn", "message"),
        State("approved", "Approved, waiting to start", "ok", "check"),
        State("rolling_out", "Rolling out", "info", "rocket"),
        State("promoted", "Promoted", "ok", "check"),
        State("rolled_back", "Rolled back", "warn", "arrow-back"),
        State("rejected", "Rejected", "bad", "x"),
        State("withdrawn", "Withdrawn", "mute", "x"),
        State("expired", "Expired", "mute", "hourglass"),
        State("superseded", "Superseded", "mute", "x"),
        State("failed", "Rollout failed", "bad", "alert"),
    ),
    events=(
        Event("approve", ("pending_review",), "approved", "promotion.approved_in_full"),
        Event("request_changes", ("pending_review",), "changes_requested", "promotion.changes_requested"),
        Event("reject", ("pending_review",), "rejected", "promotion.rejected"),
        Event("resubmit", ("changes_requested",), "pending_review", "promotion.resubmitted"),
        Event("void", ("approved", "pending_review"), "pending_review", "promotion.voided"),
        Event("withdraw", OPEN, "withdrawn", "promotion.withdrawn"),
        Event("expire", OPEN, "expired", "promotion.expired"),
        Event("supersede", (*OPEN, "rolling_out"), "superseded", "promotion.superseded"),
        Event("start", ("approved",), "rolling_out", "promotion.executed"),
        Event("promote", ("rolling_out",), "promoted", "promotion.promoted"),
        Event("fail", ("rolling_out",), "failed", "promotion.failed"),
        Event("roll_back", ("rolling_out", "promoted"), "rolled_back", "promotion.rolled_back"),
        Event("keep", ("rolling_out",), "rolled_back", "promotion.champion_kept"),
    ),
)
