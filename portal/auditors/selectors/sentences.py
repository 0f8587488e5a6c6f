"""Sentences of events. An act that was refused reads as an attempt, never as if it had happened."""

import re
from typing import Any

from portal.audit import verbs
from portal.core.actors import begins

# The first word of the verbs' sentences, as done and as tried; words that are no act of the actor are left out.
DONE_TO_TRIED = {
    "aborted": "abort",
    "approved": "approve",
    "archived": "archive",
    "asked": "ask",
    "began": "begin",
    "cancelled": "cancel",
    "changed": "change",
    "checked": "check",
    "closed": "close",
    "commented": "comment",
    "completed": "complete",
    "confirmed": "confirm",
    "created": "create",
    "deleted": "delete",
    "disabled": "disable",
    "downloaded": "download",
    "edited": "edit",
    "enabled": "enable",
    "enrolled": "enrol",
    "erased": "erase",
    "exported": "export",
    "found": "find",
    "granted": "grant",
    "invited": "invite",
    "joined": "join",
    "kept": "keep",
    "lifted": "lift",
    "mailed": "mail",
    "paused": "pause",
    "planned": "plan",
    "pointed": "point",
    "proposed": "propose",
    "proved": "prove",
    "put": "put",
    "refused": "refuse",
    "registered": "register",
    "released": "release",
    "rejected": "reject",
    "finished": "finish",
    "made": "make",
    "ordered": "order",
    "removed": "remove",
    "reported": "report",
    "resumed": "resume",
    "retired": "retire",
    "reviewed": "review",
    "revoked": "revoke",
    "rolled": "roll",
    "rotated": "rotate",
    "scanned": "scan",
    "searched": "search",
    "sent": "send",
    "set": "set",
    "signed": "sign",
    "started": "start",
    "taking": "take",
    "took": "take",
    "tried": "try",
    "validated": "validate",
    "verified": "verify",
    "withdrew": "withdraw",
    "wrote": "write",
}
ACTOR = "{actor} "
# What an attempt came to is not known, such as the rule an approval would have counted for.
UNTOLD = re.compile(r" (?:as|to|of|for|with) \{(\w+)\}")
# Sentences that say themselves that nothing came of it.
IN_VAIN = (" failed to ", " could not ", " was refused")


class _Lenient(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "?"


def refused(outcome: str, data: dict[str, Any]) -> bool:
    """Whether the event records a refusal: no right to it (denied), or not possible then (failed, with its code)."""
    return outcome == "denied" or (outcome == "failed" and "code" in data)


def attempt(template: str) -> str:
    """The sentence of a verb for an attempt at it; one that is no act of the actor is marked as refused."""
    if any(words in template for words in IN_VAIN):
        return template
    done, _, rest = template.removeprefix(ACTOR).removeprefix("is ").partition(" ")
    if not template.startswith(ACTOR) or done not in DONE_TO_TRIED:
        return f"Refused: {template}"
    return f"{ACTOR}tried to {DONE_TO_TRIED[done]} {rest}".rstrip()


def sentence(name: str, actor: str, subject: str, data: dict[str, Any], outcome: str = "success") -> str:
    """What happened, or was tried, in one sentence; an event of a verb no longer known reads as its name."""
    verb = verbs.VERBS.get(name)
    template = verb.sentence if verb else "{actor}: {name} {subject}"
    if verb and verb.untouched and data.get("before_traffic"):
        template = verb.untouched
    if refused(outcome, data):
        template = attempt(template)
        template = UNTOLD.sub(lambda part: part[0] if part[1] in (*data, "subject") else "", template)
    words = {key: str(value) for key, value in data.items()} | {"actor": actor, "subject": subject, "name": name}
    return begins(template.format_map(_Lenient(words)))
