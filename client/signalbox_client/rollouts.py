"""`signalbox rollout`: how a rollout stands, and what people do with one."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from signalbox_client.portal import Portal

REASONS = ("quality", "latency", "data", "other", "no_better")

SENT = ("reason", "reason_code", "note", "expect_step", "expect_pause")
SEEN = "as show printed it; refused when it is another by now"


def arguments(parser: ArgumentParser) -> None:
    acts = parser.add_subparsers(dest="act", required=True)
    _act(acts, "show", "print how it stands")
    _act(acts, "pause", "keep the weights as they are").add_argument("--reason", default="")
    resume = _act(acts, "resume", "go on after a pause; what the plan leaves to a person, no token can say")
    resume.add_argument("--step", dest="expect_step", type=_before, required=True, help=f"the step {SEEN}")
    resume.add_argument("--pause", dest="expect_pause", required=True, help=f"what it is paused for, {SEEN}")
    abort = _act(acts, "abort", "all traffic back to the champion")
    abort.add_argument("--reason", dest="reason_code", required=True, choices=REASONS)
    abort.add_argument("--note", default="", help="goes to the audit log")


def _act(acts: Any, name: str, words: str) -> ArgumentParser:
    parser: ArgumentParser = acts.add_parser(name, help=words)
    parser.add_argument("number", type=int, help="the rollout's number")
    return parser


def _before(step: str) -> int:
    """The portal counts steps from 0, people from 1."""
    return int(step) - 1


def run(portal: Portal, given: Namespace) -> int:
    """Do it, and print how the rollout stands then. The exit code is 0 unless the portal refuses."""
    place = f"rollouts/{given.number}/"
    if given.act == "show":
        print(line(portal.get(place)))
        return 0
    body = {name: value for name, value in vars(given).items() if name in SENT}
    print(line(portal.post(f"{place}{given.act}/", body)))
    return 0


def line(found: dict[str, Any]) -> str:
    """The state with what it is paused for, and the step, in words."""
    paused = f" for {found['pause_code']}" if found["status"] == "paused" else ""
    steps, at = found["plan"], found["step"]
    step = f", step {at + 1} of {len(steps)}: {steps[at]['words']}" if at < len(steps) else ""
    return f"rollout {found['id']}: {found['status'].replace('_', ' ')}{paused}{step}"
