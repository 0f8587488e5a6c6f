"""Models, endpoints, promotions and log entries of the matrix."""

from typing import Any


def build(world: Any) -> None:
    """Everything that belongs to the team "Flight operations"."""
