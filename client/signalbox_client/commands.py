"""The command `signalbox`."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from collections.abc import Sequence

from signalbox_client import dossiers, gate, ground_truth, policies, promotions, rollbacks, rollouts
from signalbox_client.portal import Portal, Refused

RUN = {
    "gate": gate.run,
    "policies": policies.run,
    "dossier": dossiers.run,
    "promote": promotions.run,
    "rollout": rollouts.run,
    "rollback": rollbacks.run,
    "ground-truth": ground_truth.run,
}


def main(given: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is its answer, 2 also when the portal could not be asked."""
    parser = ArgumentParser(prog="signalbox", description="Asks a Signalbox portal.")
    parser.add_argument("--url", default=os.environ.get("SIGNALBOX_URL", ""), help="default: SIGNALBOX_URL")
    commands = parser.add_subparsers(dest="command", required=True)
    gate.arguments(commands.add_parser("gate", help="whether a version would meet the gates of an environment"))
    policies.arguments(commands.add_parser("policies", help="policies as a file: export them, apply a file"))
    dossiers.arguments(commands.add_parser("dossier", help="everything about one promotion, as an archive"))
    promotions.arguments(commands.add_parser("promote", help="ask for a promotion"))
    rollouts.arguments(commands.add_parser("rollout", help="how a rollout stands; pause, resume, abort it"))
    rollbacks.arguments(commands.add_parser("rollback", help="what going back would change, and the order to do it"))
    ground_truth.arguments(commands.add_parser("ground-truth", help="report what became true of predictions"))
    read = parser.parse_args(given)
    run = RUN[read.command]
    try:
        return run(Portal(read.url, os.environ.get("SIGNALBOX_TOKEN", "")), read)
    except Refused as error:
        gate.complain(str(error))
        return gate.NOT_KNOWN


if __name__ == "__main__":
    sys.exit(main())
