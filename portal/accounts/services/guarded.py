"""Asking a policy so that a refused attempt leaves its own trace in the log."""

from portal.audit import recorder
from portal.audit.recorder import Subject
from portal.core.actors import Actor
from portal.core.decisions import Decision
from portal.core.errors import NotSignedIn, PortalError


def require(decision: Decision, verb: str, *, actor: Actor, subject: Subject) -> None:
    """Raise the refusal of `decision`, carrying the attempt at `verb` for the log."""
    if not actor.is_authenticated:
        raise NotSignedIn("Sign in first.")
    try:
        decision.require()
    except PortalError as error:
        raise recorder.refusing(error, verb, actor=actor, subject=subject) from None
