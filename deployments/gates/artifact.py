"""The scan of the version's files, and the signed statement that binds them to its name."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from deployments.gates import limits as read
from deployments.gates.answers import GateAnswer, Limits, unknown
from deployments.gates.facts import ArtifactFacts, GateFacts

LABEL = "Artifact scan and signature"
ADMITTED = {"code": "files that run code when loaded", "unread": "formats nobody here reads"}


def limits(place: str, given: object) -> read.Json:
    """`allow`, an object with `code` (files that run code when they are loaded) or `unread` (formats that no reader
    takes), each "needs_review"; without it only clean passes."""
    found = read.known(place, given, "allow")
    allow: Any = found.get("allow", {})
    if not isinstance(allow, Mapping):
        raise read.bad(f"{place}.allow", "must be an object")
    for kind, verdict in allow.items():
        if kind not in ADMITTED:
            raise read.bad(f"{place}.allow.{kind}", f"is not known; there are {', '.join(ADMITTED)}")
        if verdict != "needs_review":
            raise read.bad(f"{place}.allow.{kind}", 'must be "needs_review"; nothing else lets such files in')
    return {"allow": dict(allow)}


def answer(facts: GateFacts, limits: Limits) -> GateAnswer:
    """Pass only when clean under the newest rules and signed. What is dangerous or not as it was signed fails."""
    limit = "clean and signed" + "".join(f"; {ADMITTED[kind]} after review" for kind in sorted(limits["allow"]))
    link = f"/models/{quote(facts.model, safe='')}/versions/{facts.version}/#artifact"
    found = facts.artifact
    if found is None or not found.rules:
        return _missing(found, limit, link)
    if found.broken:
        return GateAnswer("fail", "signature does not hold", limit, " ".join(found.broken), link=link)
    if found.outcome == "dangerous":
        return GateAnswer("fail", "dangerous", limit, f"{found.worst} It must not serve.", link=link)
    if found.rules < found.newest_rules:
        return _missing(found, limit, link)
    if found.outcome == "clean":
        sentence = f"Every byte of {found.files} files was read by a reader that cannot execute."
        return GateAnswer("pass", "clean, signed", limit, sentence, sample=found.files, link=link)
    return _not_clean(found, limits["allow"], limit, link)


def _missing(found: ArtifactFacts | None, limit: str, link: str) -> GateAnswer:
    if found is not None and found.waits:
        return GateAnswer("running", "running", limit, "A scan of its files is under way.", link=link)
    why = "It was scanned under older rules." if found is not None and found.rules else "Its files were never scanned."
    return unknown(limit, f"{why} Have it scanned on the version's page.", link)


def _not_clean(found: ArtifactFacts, allow: Mapping[str, str], limit: str, link: str) -> GateAnswer:
    measured = "unknown" if found.outcome == "unknown" else "not scanned"
    if found.kinds and set(found.kinds) <= set(allow):
        what = " and ".join(ADMITTED[kind] for kind in found.kinds)
        return GateAnswer("needs_review", measured, limit, f"It holds {what}. {found.worst}", link=link)
    return GateAnswer("unknown", measured, limit, f"{found.worst} The rules admit no such file.", link=link)
