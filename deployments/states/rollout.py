"""The life of a rollout: the timed carrying-out of a promotion or a rollback."""

from portal.lifecycle.machine import Event, Machine, State

FORWARD = ("pending", "progressing", "paused")
"""Not given up, and not over."""
ACTIVE = (*FORWARD, "aborting")
NO_BETTER = "no_better"
"""The reason of a person who ends a rollout whose new version is no better than the champion."""


def kept(old: int, new: int) -> str:
    """What became of a rollout whose A/B test was decided for the champion by that reason, wherever it is said."""
    return f"Kept v{old}: the test found v{new} no better"


MACHINE = Machine(
    name="rollout",
    model_label="deployments.Rollout",
    subject_type="rollout",
    initial="pending",
    states=(
        State("pending", "About to start", "info", "clock"),
        State("progressing", "Rolling out", "info", "rocket"),
        State("paused", "Paused", "warn", "pause"),
        State("aborting", "Returning to stable", "warn", "arrow-back"),
        State("completed", "Completed", "ok", "check"),
        State("aborted", "Aborted", "bad", "x"),
    ),
    events=(
        Event("begin", ("pending",), "progressing", "rollout.started"),
        Event("cancel", ("pending",), "aborted", "rollout.cancelled"),
        Event("pause", ("progressing",), "paused", "rollout.paused"),
        Event("resume", ("paused",), "progressing", "rollout.resumed"),
        Event("complete", ("progressing",), "completed", "rollout.completed"),
        Event("abort", ("progressing", "paused"), "aborting", "rollout.abort_started"),
        Event("keep", ("progressing", "paused"), "aborting", "rollout.champion_kept"),
        Event("settle", ("aborting",), "aborted", "rollout.aborted"),
        Event("rest", ("aborting",), "aborted", "rollout.settled"),
    ),
)
