"""`signalbox ground-truth`: reports what became true of an endpoint's predictions, from a file of JSON lines."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from collections import Counter
from pathlib import Path
from typing import Any

from signalbox_client.gate import BLOCKED, PASSED, complain
from signalbox_client.portal import Portal, Refused

AT_ONCE = 1000


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", help="one outcome a line, as JSON; - reads standard input")
    parser.add_argument("--env", required=True, help="the environment, such as production")
    parser.add_argument("--endpoint", required=True, help="the endpoint's name")


def run(portal: Portal, given: Namespace) -> int:
    """Send the file in batches; 0 when all of it was taken, 1 when some lines were refused."""
    outcomes, counts = read(given.file), Counter[str]()
    for begins in range(0, len(outcomes), AT_ONCE):
        answer = report(portal, given.env, given.endpoint, outcomes[begins : begins + AT_ONCE])
        counts.update(answer["counts"])
        for number, one in enumerate(answer["outcomes"], start=begins + 1):
            if one["verdict"] == "refused":
                complain(f"Outcome {number}: {one['reason']}")
    print(", ".join(f"{count} {verdict}" for verdict, count in counts.items()) or "nothing to report")
    return BLOCKED if counts["refused"] else PASSED


def report(portal: Portal, environment: str, endpoint: str, outcomes: list[Any]) -> Any:
    """Report up to 1,000 outcomes; the portal's verdict on each. Raises `Refused`."""
    return portal.post("ground-truth/", {"environment": environment, "endpoint": endpoint, "outcomes": outcomes})


def read(name: str) -> list[Any]:
    """The outcomes of a file; empty lines are passed over. Raises `Refused` with the line that cannot be read."""
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{name} cannot be read: {error}.") from error
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            found += [json.loads(line)] if line.strip() else []
        except ValueError as error:
            raise Refused(f"Line {number} of {name} is not JSON: {error}.") from error
    return found
