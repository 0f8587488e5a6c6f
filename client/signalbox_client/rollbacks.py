"""`signalbox rollback`: what going back would change on an endpoint, and the order to do it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any
from urllib.parse import quote

from signalbox_client.portal import Portal

REASONS = ("quality", "latency", "data", "other")
POSSIBLE, BLOCKED = 0, 1


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--env", required=True, help="the environment, such as production")
    parser.add_argument("--endpoint", required=True, help="the endpoint's name")
    parser.add_argument("--reason", dest="reason_code", choices=REASONS, help="do it, for this reason")
    parser.add_argument("--note", default="", help="goes to the audit log")
    said = "the traffic table you saw, as printed without --reason; refused when there is another by now"
    parser.add_argument("--table", type=int, help=said)
    parser.set_defaults(refuse=parser.error)


def run(portal: Portal, given: Namespace) -> int:
    """Without a reason print what it would do: 0 when it can be done, 1 when not. With one do it: 0 unless refused."""
    place = f"endpoints/{quote(given.env, safe='')}/{quote(given.endpoint, safe='')}/rollback/"
    if given.reason_code is None:
        found = portal.get(place)
        print(shown(found))
        return POSSIBLE if found["ready"] else BLOCKED
    if given.table is None:
        given.refuse("--table is needed with --reason: look first, without --reason, and name the table you saw")
    sent = {"reason_code": given.reason_code, "note": given.note, "expect_generation": given.table}
    made = portal.post(place, sent)
    print(f"rollout {made['id']}: {made['status'].replace('_', ' ')}")
    return POSSIBLE


def shown(found: dict[str, Any]) -> str:
    """A line for each thing that would be another, and whether it can be done."""
    lines = [f"{one['label']}: {one['was']} -> {one['now']}{_note(one)}" for one in found["changes"]]
    ready = f"ready, from table {found['expect_generation']}" if found["ready"] else f"not possible: {found['why_not']}"
    return "\n".join([*lines, ready])


def _note(one: dict[str, Any]) -> str:
    return f" ({one['note']})" if one.get("note") else ""
