"""Small real models in a content-addressed store, good and bad, and rows to ask them with."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
GOOD_ROW: dict[str, Any] = {"carrier": "AA", "distance": 500, "temp": 40.5, "holiday": False, "wind": 3.0}


@dataclass(frozen=True)
class Stored:
    """A version in the store."""

    source: str
    digest: str

    def spec(self, endpoint: str, number: int = 1, **more: Any) -> dict[str, Any]:
        """The body of `PUT /revisions/{id}`."""
        return {
            "environment": "production",
            "endpoint": endpoint,
            "model": endpoint,
            "version": number,
            "revision": number,
            "source": self.source,
            "digest": self.digest,
            **more,
        }


@dataclass(frozen=True)
class Zoo:
    """The versions tests ask for by name, and where they lie."""

    root: Path
    versions: dict[str, Stored]

    def __getattr__(self, name: str) -> Stored:
        return self.versions[name]

    @property
    def store(self) -> Path:
        return self.root / "store"


def breed(root: Path) -> None:
    """Save every model below `root`."""
    root.chmod(0o711)
    (root / "outside").write_text("secret")
    (root / "outside").chmod(0o666)
    command = [sys.executable, "-W", "ignore", "-m", "tests.serving.breed", str(root)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


def kept(root: Path) -> Zoo:
    """What was bred there."""
    found = json.loads((root / "zoo.json").read_text())
    return Zoo(root, {name: Stored(**stored) for name, stored in found.items()})


def body(*rows: dict[str, Any]) -> dict[str, Any]:
    """Rows as `/invocations` takes them."""
    return {"dataframe_records": list(rows)}
