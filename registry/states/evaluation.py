"""The life of an evaluation."""

from portal.lifecycle.machine import Event, Machine, State

MACHINE = Machine(
    name="evaluation",
    model_label="registry.Evaluation",
    subject_type="evaluation",
    initial="queued",
    states=(
        State("queued", "Waiting", "info", "clock"),
        State("running", "Running", "info", "clock"),
        State("done", "Done", "ok", "check"),
        State("failed", "Failed", "bad", "alert"),
        State("cancelled", "Cancelled", "mute", "x"),
    ),
    events=(
        Event("begin", ("queued",), "running", "evaluation.begun"),
        Event("finish", ("running",), "done", "evaluation.finished"),
        Event("fail", ("queued", "running"), "failed", "evaluation.failed"),
        Event("cancel", ("queued", "running"), "cancelled", "evaluation.cancelled"),
        Event("retry", ("failed", "cancelled"), "queued", "evaluation.retried"),
    ),
)
