"""The zygote's socket: one JSON object a line in, one a line out."""

import json
import socket
from pathlib import Path
from typing import Any

TIMEOUT_SECONDS = 5.0
LONGEST_LINE = 4 * 1024**2


class ZygoteUnavailable(RuntimeError):
    """The zygote does not answer, or says it cannot do what was asked."""


class Client:
    """Asks the zygote; one connection per question, safe to use from any thread."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def start(self, launch: dict[str, Any]) -> None:
        """Have a revision run from now on, also after crashes. Safe to repeat."""
        self._ask({"do": "start", "launch": launch})

    def stop(self, revision_id: str) -> bool:
        """Have it end; True once it is gone. Safe to repeat."""
        return bool(self._ask({"do": "stop", "id": revision_id})["gone"])

    def children(self) -> dict[str, dict[str, Any]]:
        return {child["id"]: child for child in self._ask({"do": "list"})["children"]}

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(TIMEOUT_SECONDS)
                connection.connect(str(self._path))
                connection.sendall(json.dumps(question).encode() + b"\n")
                with connection.makefile("rb") as stream:
                    line = stream.readline(LONGEST_LINE)
            answer = json.loads(line)
        except (OSError, ValueError) as error:
            raise ZygoteUnavailable(f"The zygote does not answer: {error}.") from error
        if "error" in answer:
            raise ZygoteUnavailable(f"The zygote says: {answer['error']}.")
        found: dict[str, Any] = answer
        return found
