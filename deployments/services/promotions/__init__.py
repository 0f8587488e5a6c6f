"""Promotion requests: asking, deciding, withdrawing. What a person approves is pinned by digest."""

from deployments.services.promotions.again import resubmit
from deployments.services.promotions.asking import OPEN_EXISTS, ROLLS_OUT, submit, withdraw
from deployments.services.promotions.deciding import approve, comment, missing_for_approval, reject, request_changes
from deployments.services.promotions.frozen import binding, find, look_again, reason, subject, timing, verdict
from deployments.services.promotions.previewing import Missing, Preview, candidate, preview
from deployments.services.promotions.settling import advance, settle

__all__ = [
    "OPEN_EXISTS",
    "ROLLS_OUT",
    "Missing",
    "Preview",
    "advance",
    "approve",
    "binding",
    "candidate",
    "comment",
    "find",
    "look_again",
    "missing_for_approval",
    "preview",
    "reason",
    "reject",
    "request_changes",
    "resubmit",
    "settle",
    "subject",
    "submit",
    "timing",
    "verdict",
    "withdraw",
]
