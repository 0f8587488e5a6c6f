"""Reading HAProxy's own counters: what it saw of each slot that the slot's process cannot know of itself."""

import csv
from collections import defaultdict

SLOT = "slot_"


def died(text: str) -> dict[int, int]:
    """Requests by slot that got no whole answer from the process, from the answer to `show stat`.

    A backend counts each request once, with the status the caller got; its servers count what processes answered. The
    difference is what HAProxy answered itself: the process refused, ended, or came too late.
    """
    found: dict[int, int] = defaultdict(int)
    for row in csv.DictReader(text.removeprefix("# ").splitlines()):
        if not row["pxname"].startswith(SLOT):
            continue
        slot = int(row["pxname"].removeprefix(SLOT))
        failed = int(row["hrsp_5xx"] or 0)
        found[slot] += failed if row["svname"] == "BACKEND" else int(row["srv_abrt"] or 0) - failed
    return {slot: max(0, count) for slot, count in found.items()}
