"""The life of a batch prediction."""

from portal.lifecycle.machine import Event, Machine, State

MACHINE = Machine(
    name="batch prediction",
    model_label="registry.BatchPrediction",
    subject_type="batch_prediction",
    initial="queued",
    states=(
        State("queued", "Waiting", "info", "clock"),
        State("running", "Running", "info", "clock"),
        State("done", "Done", "ok", "check"),
        State("failed", "Failed", "bad", "alert"),
        State("cancelled", "Cancelled", "mute", "x"),
    ),
    events=(
        Event("begin", ("queued",), "running", "batch_prediction.begun"),
        Event("finish", ("running",), "done", "batch_prediction.finished"),
        Event("fail", ("queued", "running"), "failed", "batch_prediction.failed"),
        Event("cancel", ("queued", "running"), "cancelled", "batch_prediction.cancelled"),
        Event("resume", ("failed", "cancelled"), "queued", "batch_prediction.resumed"),
    ),
)
