"""What the printable page of a dossier shows, from its documents. Pure.

It names people as the vault does: whoever was erased from the log reads "erased" here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deployments.dossiers import coverage

Json = Mapping[str, Any]
Named = Callable[[Any], str]
ERASED = "erased"
CARD = {
    "purpose": "intended_use",
    "outside": "out_of_scope",
    "affected": "affected",
    "assumptions": "assumptions",
    "limits": "limitations",
    "risks": "risks",
    "oversight": "oversight",
    "monitoring": "monitoring",
}
"""What is asked for, and the section of the card that answers it."""
DECISIONS = {"approved": "Approved", "changes_requested": "Asked for changes", "rejected": "Rejected"}


@dataclass(frozen=True, slots=True)
class Papers:
    """The documents, as they stand in the archive."""

    request: Json
    evidence: Json
    policy: Json
    votes: Sequence[Json]
    bypasses: Sequence[Json]
    card: Json
    lineage: Json
    evaluations: Mapping[int, Json]
    artifact: Mapping[str, Any]


def answers(papers: Papers) -> dict[str, str]:
    """What the records say to each thing that is asked for, in a few words; what they do not say is left out."""
    request, lineage = papers.request, papers.lineage
    champion = papers.evidence["champion"]
    return {
        "version": f"v{request['version']}, " + (f"after v{champion['number']}" if champion else "the first here"),
        "endpoint": f"API of the endpoint {request['environment']}/{request['endpoint']}",
        "tier": f"risk tier: {request['tier']}",
        "development": _development(lineage),
        "data": _data(lineage),
        "votes": _counted(len(papers.votes), "decision") + (", each on a digest" if papers.votes else ""),
        "exceptions": _counted(len(papers.bypasses), "bypass", "bypasses"),
        "changes": _counted(len(papers.evidence["changes"]), "change") + " against what served before",
        "inputs": _inputs(papers.evidence),
        **_card(papers.card),
        **_tested(papers.evaluations),
        **_artifact(papers.artifact),
    }


def _counted(number: int, word: str, words: str = "") -> str:
    return f"{number or 'no'} {word if number == 1 else words or word + 's'}"


def _development(lineage: Json) -> str:
    run, commit = lineage["run"], lineage["commit"]
    said = [f"run {run['id']}" if run else "", f"commit {commit[:12]}" if commit else ""]
    return ", ".join(filter(None, said)) if run and commit else ""


def _data(lineage: Json) -> str:
    known = [one for one in lineage["data"] if one["digest"]]
    whole = known and len(known) == len(lineage["data"])
    return _counted(len(known), "data set version") + " by digest" if whole else ""


def _inputs(evidence: Json) -> str:
    columns = evidence["version"]["signature"].get("inputs", [])
    return _counted(len(columns), "column") + " in its signature" if columns else ""


def _card(card: Json) -> dict[str, str]:
    """What the sections of the card answer that a person has written."""
    known = {one["key"]: one["title"] for one in card["sections"] if one["known"]}
    return {asked: f"card: {known[key].lower()}" for asked, key in CARD.items() if key in known}


def _tested(evaluations: Mapping[int, Json]) -> dict[str, str]:
    done = [one["covered"]["results"] for one in evaluations.values() if one["covered"]["results"]]
    slices = [one for results in done for one in (results.get("slices") or {}).get("results", [])]
    return {
        "tests": _counted(len(done), "evaluation") + " by digest" if done else "",
        "groups": _counted(len(slices), "slice") if slices else "",
    }


def _artifact(artifact: Mapping[str, Any]) -> dict[str, str]:
    scan = artifact.get("artifact/scan.json")
    if scan is None:
        return {}
    packages = _counted(len(scan["packages"]), "package")
    return {
        "security": f"scan: {scan['outcome']}, signed",
        "software": f"{packages} in the bill of materials" if scan["packages"] else "",
        "third_parties": f"{packages} in the bill of materials" if scan["packages"] else "",
    }


def context(papers: Papers, named: Named, events: Sequence[Json], owner: str, log: Json) -> dict[str, Any]:
    """Everything the template needs. `named` gives the words behind a commitment, `events` the lines of the log."""
    lines = coverage.lines(answers(papers))
    return {
        "request": papers.request,
        "asked_by": named(papers.request["requester"]["name"]),
        "why": named(papers.request["why"]),
        "evidence": papers.evidence,
        "checks": papers.evidence["checks"],
        "policy": papers.policy,
        "votes": [_vote(one, named) for one in papers.votes],
        "bypasses": [_bypass(one, named) for one in papers.bypasses],
        "card": papers.card,
        "card_pinned": next((check["pin"] for check in papers.evidence["checks"] if check.get("pin")), ""),
        "lineage": papers.lineage,
        "evaluations": [_evaluation(one) for one in papers.evaluations.values()],
        "files": papers.artifact["artifact/files.json"],
        "scan": papers.artifact.get("artifact/scan.json"),
        "events": events,
        "lines": lines,
        "unknown": sum(not line.said for line in lines),
        "owner": owner,
        "log": log,
    }


def _vote(vote: Json, named: Named) -> dict[str, Any]:
    said = {"words": DECISIONS[vote["decision"]], "by": named(vote["name"]), "told": named(vote["comment"])}
    return {**vote, **said}


def _bypass(bypass: Json, named: Named) -> dict[str, Any]:
    review = bypass["review"]
    return {
        **bypass,
        "by": named(bypass["asker"]["name"]),
        "told": named(bypass["reason"]),
        "granted_by": [named(one["name"]) for one in bypass["grants"]],
        "reviewed_by": named(review["name"]) if review else "",
        "reviewed": named(review["words"]) if review else "",
    }


def _evaluation(one: Json) -> dict[str, Any]:
    results = one["covered"]["results"] or {}
    slices = (results.get("slices") or {}).get("results", [])
    return {
        **one,
        "metrics": [{"name": name, **value} for name, value in sorted((results.get("metrics") or {}).items())],
        "comparison": [{"name": name, **value} for name, value in sorted((results.get("comparison") or {}).items())],
        "slices": slices,
    }
