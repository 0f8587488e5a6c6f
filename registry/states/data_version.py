"""The life of a data set version."""

from portal.lifecycle.machine import Event, Machine, State

MACHINE = Machine(
    name="data set version",
    model_label="registry.DataSetVersion",
    subject_type="data_set_version",
    initial="registered",
    states=(
        State("registered", "Registered", "info", "clock"),
        State("validating", "Validating", "info", "clock"),
        State("ready", "Ready", "ok", "check"),
        State("failed", "Validation failed", "bad", "alert"),
        State("archived", "Archived", "mute", "archive"),
    ),
    events=(
        Event("validate", ("registered", "failed"), "validating", "data_set_version.validation_started"),
        Event("pass", ("validating",), "ready", "data_set_version.validated"),
        Event("break", ("validating",), "failed", "data_set_version.validation_failed"),
        Event("archive", ("ready", "failed"), "archived", "data_set_version.archived"),
    ),
)
