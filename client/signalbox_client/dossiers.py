"""`signalbox dossier`: everything about one promotion in one file, to be verified offline."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from pathlib import Path

from signalbox_client.portal import Portal, Refused

EVERY_SECONDS = 1.0


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("promotion", type=int, help="the number of the promotion request")
    parser.add_argument("-o", "--out", required=True, metavar="FILE", help="where the archive goes")
    parser.add_argument("--since", type=int, default=0, metavar="EVENTS", help="the events of a checkpoint you keep")
    parser.add_argument("--wait", type=float, default=300.0, metavar="SECONDS", help="how long it may take; 300")


def run(portal: Portal, given: Namespace) -> int:
    """Have it written, wait for it, and save it. The exit code is 0 unless the portal refuses."""
    here = f"promotions/{given.promotion}/dossier/"
    found = portal.post(here, {"since": given.since})
    until = time.monotonic() + given.wait
    while found["state"] in ("queued", "running"):
        if time.monotonic() >= until:
            raise Refused(f"Dossier {found['id']} is still being written. {found['error']} Ask again later.")
        time.sleep(EVERY_SECONDS)
        found = portal.get(f"{here}{found['id']}/")
    if found["state"] != "succeeded":
        raise Refused(f"The dossier could not be written: {found['error']}")
    Path(given.out).write_bytes(portal.content(f"{here}{found['id']}/file/"))
    print(f"{given.out}: verify it with signalbox_audit_verify.py dossier")
    return 0
