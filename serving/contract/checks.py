"""How a body is checked: the patterns of names, and what is said of a member that is wrong."""

import re
from collections.abc import Mapping
from typing import Any

NAME = re.compile(r"[A-Za-z0-9_-]{1,60}")
REVISION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
SALT = re.compile(r"[A-Za-z0-9_-]{0,64}")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
KEY_HASH = re.compile(r"[0-9a-f]{64}")
LARGEST_GENERATION = 2**63 - 1


class Invalid(ValueError):
    """A spec that cannot be carried out. `field` names the part that is wrong."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(f"{field}: {detail}")
        self.field = field
        self.detail = detail


def mapping(value: Any, known: set[str] | None, name: str = "body") -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Invalid(name, "must be a JSON object")
    if known is not None and (unknown := sorted(set(value) - known)):
        raise Invalid(str(unknown[0])[:80], "is not known here; known are " + ", ".join(sorted(known)))
    return value


def match(name: str, value: Any, pattern: re.Pattern[str]) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise Invalid(name, f"must match {pattern.pattern}")
    return value


def text(name: str, value: Any, longest: int) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= longest or not value.isprintable():
        raise Invalid(name, f"must be a text of 1 to {longest} printable characters")
    return value


def whole(name: str, value: Any, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise Invalid(name, f"must be a whole number from {least} to {most}")
    return value
