"""Reading HAProxy's own counters: what it saw of each slot that the slot's processes cannot know of themselves."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

SLOT = "slot_"
REPLICA = "r"
TAKES_REQUESTS = ("UP", "DOWN", "no check")
"""How the state of a server begins that is not taken out on purpose."""


@dataclass(frozen=True, slots=True)
class Slot:
    """Requests with the slot now, waiting or being answered, and which replicas beside the first are taken in."""

    requests: int = 0
    replicas: frozenset[int] = frozenset()


def died(text: str) -> dict[int, int]:
    """Requests by slot that got no whole answer from a process, from the answer to `show stat`.

    A backend counts each request once, with the status the caller got; its servers count what processes answered. The
    difference is what HAProxy answered itself: the process refused, ended, or came too late.
    """
    found: dict[int, int] = defaultdict(int)
    for slot, row in _rows(text):
        failed = int(row["hrsp_5xx"] or 0)
        found[slot] += failed if row["svname"] == "BACKEND" else int(row["srv_abrt"] or 0) - failed
    return {slot: max(0, count) for slot, count in found.items()}


def unseen(text: str) -> dict[int, int]:
    """Failures by slot that no caller had, as hedging tells them: a line for each slot with its number and count."""
    return {int(slot): int(count) for slot, count in (line.split() for line in text.splitlines())}


def slots(text: str) -> dict[int, Slot]:
    """How each slot is now."""
    requests: dict[int, int] = {}
    replicas: dict[int, set[int]] = defaultdict(set)
    for slot, row in _rows(text):
        if row["svname"] == "BACKEND":
            requests[slot] = int(row["scur"] or 0)
        elif row["svname"].startswith(REPLICA) and row["status"].startswith(TAKES_REQUESTS):
            replicas[slot].add(int(row["svname"].removeprefix(REPLICA)))
    return {slot: Slot(count, frozenset(replicas[slot])) for slot, count in requests.items()}


def _rows(text: str) -> Iterator[tuple[int, Mapping[str, str]]]:
    """The rows of slots. The columns read here stand before any that is quoted."""
    head, *lines = text.removeprefix("# ").splitlines() or [""]
    columns = head.split(",")
    for line in lines:
        if line.startswith(SLOT):
            row = dict(zip(columns, line.split(","), strict=False))
            yield int(row["pxname"].removeprefix(SLOT)), row
