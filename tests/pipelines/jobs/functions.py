"""Functions as a package would offer them under `signalbox.metrics`."""

from typing import Any


def share_late(columns: dict[str, Any]) -> Any:
    return columns["label"]


def raises(columns: dict[str, Any]) -> Any:
    return 1 / 0


def endless(columns: dict[str, Any]) -> Any:
    while True:
        try:
            len(columns)
        except Exception:
            raise
