"""The life of a revision: one loaded version behind an endpoint."""

from portal.lifecycle.machine import Event, Machine, State

MACHINE = Machine(
    name="revision",
    model_label="deployments.Revision",
    subject_type="revision",
    initial="requested",
    states=(
        State("requested", "Requested", "info", "clock"),
        State("loading", "Loading", "info", "clock"),
        State("ready", "Warm", "ok", "check"),
        State("failed", "Failed to load", "bad", "alert"),
        State("draining", "Draining", "mute", "clock"),
        State("removed", "Removed", "mute", "x"),
    ),
    events=(
        Event("load", ("requested", "failed"), "loading", "revision.loading_started"),
        Event("warm", ("loading",), "ready", "revision.warmed"),
        Event("break", ("loading", "requested"), "failed", "revision.failed"),
        Event("retire", ("ready", "failed"), "draining", "revision.retired"),
        Event("remove", ("draining",), "removed", "revision.removed"),
    ),
)
