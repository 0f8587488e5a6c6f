"""The life of a bypass: asked for, granted, used once, and then reviewed."""

from portal.lifecycle.machine import Event, Machine, State

OPEN = ("asked", "granted")
"""It may still be used."""

USED = ("used", "upheld", "not_upheld")
"""A version went past a gate by it; that mark stays for good."""

MACHINE = Machine(
    name="bypass",
    model_label="deployments.Bypass",
    subject_type="bypass",
    initial="asked",
    states=(
        State("asked", "Bypass asked", "warn", "clock"),
        State("granted", "Bypass granted", "bad", "alert"),
        State("used", "Bypassed, review owed", "bad", "alert"),
        State("upheld", "Bypassed, upheld in review", "bad", "alert"),
        State("not_upheld", "Bypassed, not upheld in review", "bad", "x"),
        State("refused", "Bypass refused", "mute", "x"),
        State("withdrawn", "Bypass withdrawn", "mute", "x"),
        State("expired", "Bypass expired", "mute", "hourglass"),
        State("voided", "Bypass void", "mute", "x"),
    ),
    events=(
        Event("grant", ("asked",), "granted", "bypass.granted_in_full"),
        Event("refuse", ("asked",), "refused", "bypass.refused"),
        Event("withdraw", OPEN, "withdrawn", "bypass.withdrawn"),
        Event("expire", OPEN, "expired", "bypass.expired"),
        Event("void", OPEN, "voided", "bypass.voided"),
        Event("use", ("granted",), "used", "bypass.used"),
        Event("uphold", ("used",), "upheld", "bypass.upheld"),
        Event("overturn", ("used",), "not_upheld", "bypass.not_upheld"),
    ),
)
