"""`signalbox promote`: asks for a promotion."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from signalbox_client.portal import Portal

ASKED, LACKING = 0, 1


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--model", required=True, help="the registered model's name")
    parser.add_argument("--version", required=True, type=int, help="the version's number")
    parser.add_argument("--env", required=True, help="the environment, such as production")
    parser.add_argument("--why", default="", help="what reviewers read first; needed unless with --dry-run")
    parser.add_argument("--plan", default="", help="a rollout plan, or NAME@N; default: the environment's")
    parser.add_argument("--supersede", action="store_true", help="take a rollout under way on the endpoint back first")
    parser.add_argument("--dry-run", action="store_true", help="say what a request would lack, and ask for nothing")


def run(portal: Portal, given: Namespace) -> int:
    """Ask, and print the request's number and state; the exit code is 1 when a dry run says it could not be sent."""
    body: dict[str, Any] = {"model": given.model, "version": given.version, "environment": given.env}
    body.update({"plan": given.plan, "supersede": given.supersede})
    if not given.dry_run:
        found = portal.post("promotions/", {**body, "why": given.why})
        print(f"promotion {found['number']}: {found['status'].replace('_', ' ')}")
        return ASKED
    found = portal.post("promotions/", {**body, "dry_run": True})
    for step in found["evidence"]["plan"]["steps"]:
        print(f"{step['words']}: {step['note']}")
    for text in found["missing"]:
        print(f"missing: {text}")
    return ASKED if found["possible"] else LACKING
