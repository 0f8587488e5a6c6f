"""Changing policies: drafting, deciding, and applying a file of them."""

from deployments.services.policies.applying import Applied, apply, export
from deployments.services.policies.deciding import approve, binding, propose, reject
from deployments.services.policies.drafting import draft, edit, introduce, withdraw
from deployments.services.policies.retiring import retire

__all__ = [
    "Applied",
    "apply",
    "approve",
    "binding",
    "draft",
    "edit",
    "export",
    "introduce",
    "propose",
    "reject",
    "retire",
    "withdraw",
]
