"""Rollouts: starting them, what the reconciler records, how they end, and what people may do with them."""

from deployments.services.rollouts.away import cannot_begin, note_away, note_back, note_lost, tell_lost, tell_stuck
from deployments.services.rollouts.carrying import (
    begin,
    deadline_passed,
    next_step,
    note,
    note_held,
    note_loading,
    note_released,
    note_warm,
    pause_for,
    take_back_generation,
    take_generation,
)
from deployments.services.rollouts.common import active, hold, lift, load, subject
from deployments.services.rollouts.ending import complete, fail, give_up, settle
from deployments.services.rollouts.measuring import note_measures
from deployments.services.rollouts.probing import go_on, keep_golden, note_probe
from deployments.services.rollouts.shadowing import note_shadow, shadow_began, shadow_ended
from deployments.services.rollouts.starting import start
from deployments.services.rollouts.steering import (
    abort,
    advance,
    find,
    pause,
    require_right,
    resume,
    supersede,
    withdraw,
)
from deployments.services.rollouts.testing import note_predictions, note_test, note_truths, test_began, test_ended

__all__ = [
    "abort",
    "active",
    "advance",
    "begin",
    "cannot_begin",
    "complete",
    "deadline_passed",
    "fail",
    "find",
    "give_up",
    "go_on",
    "hold",
    "keep_golden",
    "lift",
    "load",
    "next_step",
    "note",
    "note_away",
    "note_back",
    "note_held",
    "note_loading",
    "note_lost",
    "note_measures",
    "note_predictions",
    "note_probe",
    "note_released",
    "note_shadow",
    "note_test",
    "note_truths",
    "note_warm",
    "pause",
    "pause_for",
    "require_right",
    "resume",
    "settle",
    "shadow_began",
    "shadow_ended",
    "start",
    "subject",
    "supersede",
    "take_back_generation",
    "take_generation",
    "tell_lost",
    "tell_stuck",
    "test_began",
    "test_ended",
    "withdraw",
]
