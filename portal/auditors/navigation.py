"""What the auditor's room adds to the frame of every page: its entry, the state of the log, and the alarm."""

from portal.accounts import access
from portal.accounts.permissions import Permission
from portal.auditors.selectors import chain
from portal.core.actors import Actor
from portal.ui import nav

LOG, VERIFY = "/audit/", "/audit/verify/"


def may_view(actor: Actor) -> bool:
    return bool(access.may(actor, Permission.AUDIT_VIEW))


def foot(actor: Actor) -> nav.Line | None:
    """How far the log is signed."""
    if not may_view(actor):
        return None
    found = chain.state()
    words = "Audit log needs attention" if found.alarm else f"Audit log: {found.words[:1].lower()}{found.words[1:]}"
    return nav.Line(found.tone, words, LOG)


def banner(actor: Actor) -> list[nav.Line]:
    """A broken log, or a signer that refuses, over every page of auditors and administrators."""
    words = chain.incident() if may_view(actor) else ""
    return [nav.Line("bad", words, VERIFY)] if words else []


nav.register(
    nav.NavItem(label="Audit log", url_name="audit:events", icon="audit", position=70, visible=may_view, key="l")
)
nav.banner(banner)
nav.foot(foot)
