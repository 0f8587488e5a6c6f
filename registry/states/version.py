"""The life of a model version."""

from portal.lifecycle.machine import Event, Machine, State

MACHINE = Machine(
    name="model version",
    model_label="registry.ModelVersion",
    subject_type="model_version",
    initial="registered",
    states=(
        State("registered", "Registered", "info", "clock"),
        State("validating", "Validating", "info", "clock"),
        State("ready", "Ready", "ok", "check"),
        State("failed", "Validation failed", "bad", "alert"),
        State("archived", "Archived", "mute", "archive"),
    ),
    events=(
        Event("validate", ("registered", "failed"), "validating", "model_version.validation_started"),
        Event("pass", ("validating",), "ready", "model_version.validated"),
        Event("break", ("validating",), "failed", "model_version.validation_failed"),
        Event("archive", ("ready", "failed"), "archived", "model_version.archived"),
    ),
)
