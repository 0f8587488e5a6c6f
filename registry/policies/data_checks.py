"""What the answers to a data set's checks say together. Pure."""

from collections.abc import Iterable
from typing import Any

ORDER = ("fail", "unknown", "needs_review", "pass")


def verdict(results: Iterable[dict[str, Any]]) -> str:
    """pass, fail, needs_review or unknown: a check that blocks weighs in full, another one at most asks for a look."""
    found = {"pass"}
    for result in results:
        answer = result["verdict"]
        if answer != "pass":
            found.add(answer if result["check"]["blocks"] else "needs_review")
    return next(word for word in ORDER if word in found)
