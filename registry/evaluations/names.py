"""What pages call metrics whose names alone do not tell them apart; files, policies and the API use the names. Pure."""

from typing import Final

PLAIN: Final = {
    "calibration_error": (
        "Calibration error, by score",
        "Mean gap between predicted and observed share over 15 ranges of the score of equal width.",
    ),
    "calibration_error_mass": (
        "Calibration error, by rows",
        "The same gap over 15 ranges that hold equally many rows, so that no range rests on a few.",
    ),
}


def label(name: str) -> str:
    """The plain label, or the name where it says enough."""
    return PLAIN[name][0] if name in PLAIN else name


def explained(name: str) -> str:
    """A sentence about it; "" where the name says enough."""
    return PLAIN[name][1] if name in PLAIN else ""
