"""`signalbox gate`: whether a version would meet the gates of an environment."""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser, Namespace
from typing import Any

from signalbox_client.portal import Portal

PASSED, BLOCKED, NOT_KNOWN = 0, 1, 2
EVERY_SECONDS = 5.0


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--model", required=True, help="the registered model's name")
    parser.add_argument("--version", required=True, type=int, help="the version's number")
    parser.add_argument("--env", required=True, help="the environment, such as production")
    parser.add_argument("--wait", type=float, default=0.0, metavar="SECONDS", help="ask again while something runs")
    parser.add_argument("--json", action="store_true", help="print the portal's answer as JSON")


def run(portal: Portal, given: Namespace) -> int:
    """Ask, print, and say how it stands by the exit code."""
    body = {"model": given.model, "version": given.version, "environment": given.env}
    until = time.monotonic() + given.wait
    found = portal.post("gates/check/", body)
    while found["verdict"] == "running" and time.monotonic() < until:
        time.sleep(min(EVERY_SECONDS, max(0.0, until - time.monotonic())))
        found = portal.post("gates/check/", body)
    print(json.dumps(found, indent=2) if given.json else table(found))
    return code(found)


def code(found: dict[str, Any]) -> int:
    """0 when all pass, 1 when something is in the way, 2 when that is not known."""
    verdicts = {gate["verdict"] for gate in found["gates"]}
    if verdicts & {"fail", "needs_review"}:
        return BLOCKED
    return PASSED if verdicts <= {"pass"} and found["verdict"] == "pass" else NOT_KNOWN


def table(found: dict[str, Any]) -> str:
    """One line a gate, the verdict first."""
    lines = [f"{gate['verdict'].replace('_', ' '):<13}{gate['label']}: {gate['sentence']}" for gate in found["gates"]]
    return "\n".join([*lines, f"verdict: {found['verdict'].replace('_', ' ')}"])


def complain(text: str) -> None:
    print(f"signalbox: {text}", file=sys.stderr)
