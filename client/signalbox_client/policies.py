"""`signalbox policies`: the portal's policies as a file, and proposals for what a file has different."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from signalbox_client.portal import Portal, Refused

WORDS = {"equal": "is as the file has it", "proposed": "was proposed", "proposed_already": "is proposed already"}


def arguments(parser: ArgumentParser) -> None:
    acts = parser.add_subparsers(dest="act", required=True)
    acts.add_parser("export", help="print all policies in force as YAML")
    apply = acts.add_parser("apply", help="propose what the file has different; a second person approves")
    apply.add_argument("file", metavar="FILE", help="as export prints it; - reads the standard input")
    apply.add_argument("--why", default="", help="what whoever approves reads first")
    apply.add_argument("--dry-run", action="store_true", help="say what would be proposed, and propose nothing")


def run(portal: Portal, given: Namespace) -> int:
    """Print the policies, or what became of those in the file. The exit code is 0 unless the portal refuses."""
    if given.act == "export":
        print(portal.text("policies/export/"), end="")
        return 0
    body = {"yaml": _read(given.file), "why": given.why, "dry_run": given.dry_run}
    for one in portal.put("policies/apply/", body)["policies"]:
        print(line(one, dry_run=given.dry_run))
    return 0


def line(one: dict[str, Any], *, dry_run: bool) -> str:
    name = f"{one['environment']}-{one['tier']}" if one["tier"] else one["environment"]
    words = "would be proposed" if dry_run and one["outcome"] == "proposed" else WORDS[one["outcome"]]
    return f"{name} {words}" + (f": change {one['change']}" if one["change"] else "")


def _read(name: str) -> str:
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{name} cannot be read: {error}.") from error
