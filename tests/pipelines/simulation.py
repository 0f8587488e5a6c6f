"""How many runs a simulation has, and what it found: printed, and after a long one held against what the docs say."""

import os
from pathlib import Path

LONG = os.environ.get("SIGNALBOX_LONG") == "1"
DOCS = Path(__file__).parents[2] / "docs" / "evaluations.md"


def runs(usual: int) -> int:
    """Ten times as many with `make test-long`."""
    return 10 * usual if LONG else usual


def say(what: str, share: float) -> None:
    """Print the line of the table in the docs; after a long simulation it must stand there."""
    line = f"| {what} | {100 * share:.1f} % |"
    print(line)
    assert not LONG or line in DOCS.read_text().splitlines(), f"docs/evaluations.md does not say: {line}"
