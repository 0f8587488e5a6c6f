"""The life of a policy's version."""

from portal.lifecycle.machine import Event, Machine, State

IN_FORCE = "in_force"
OPEN = ("draft", "proposed")
"""A change that is under way; a policy has at most one."""

USED = (IN_FORCE, "superseded")
"""Promotions may rest on it."""

NUMBERED = (*USED, "retired")
"""It was approved: what came into force, and what took a tier's own policy out of force."""

MACHINE = Machine(
    name="policy version",
    model_label="deployments.PolicyVersion",
    subject_type="policy_version",
    initial="draft",
    states=(
        State("draft", "Draft", "mute", "edit"),
        State("proposed", "Waits for a second person", "info", "clock"),
        State(IN_FORCE, "In force", "ok", "check"),
        State("superseded", "Superseded", "mute", "x"),
        State("retired", "Retired the policy", "mute", "x"),
        State("rejected", "Rejected", "bad", "x"),
        State("withdrawn", "Withdrawn", "mute", "x"),
    ),
    events=(
        Event("introduce", ("draft",), IN_FORCE, "policy.introduced"),
        Event("propose", ("draft",), "proposed", "policy.proposed"),
        Event("approve", ("proposed",), IN_FORCE, "policy.approved"),
        Event("retire", ("proposed",), "retired", "policy.retired"),
        Event("supersede", (IN_FORCE,), "superseded", "policy.superseded"),
        Event("reject", ("proposed",), "rejected", "policy.rejected"),
        Event("withdraw", OPEN, "withdrawn", "policy.withdrawn"),
    ),
)
