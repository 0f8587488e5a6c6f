"""Names of models: what is allowed, and which names are too much alike to live side by side. Pure."""

import re
import unicodedata

from portal.core.errors import BadInput

ALLOWED = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._-]{0,198}[A-Za-z0-9])?")
ALIAS = re.compile(r"[A-Za-z0-9_-]{1,120}")
NUMBER = re.compile(r"[1-9][0-9]{0,8}")


def checked(name: object) -> str:
    """`name`, if it is 1 to 200 Latin letters, digits, single spaces, dots, underscores and hyphens."""
    if not isinstance(name, str) or not ALLOWED.fullmatch(name) or "  " in name or ".." in name:
        raise BadInput(
            "A name has 1 to 200 Latin letters, digits, spaces, dots, underscores or hyphens "
            "and begins and ends with a letter or digit.",
            code="bad_name",
            status=400,
            fields={"name": "letters, digits, spaces, . _ -"},
        )
    return name


def checked_alias(alias: str) -> str:
    """`alias`, if it is 1 to 120 Latin letters, digits, hyphens and underscores: nothing looks like another alias."""
    if not ALIAS.fullmatch(alias):
        raise BadInput(
            "An alias has 1 to 120 Latin letters, digits, hyphens or underscores.",
            code="bad_name",
            status=400,
            fields={"alias": "letters, digits, - _"},
        )
    return alias


def version_number(value: object) -> int:
    """The number of a version as clients write it; 0, which no version has, for anything else."""
    text = str(value)
    return int(text) if NUMBER.fullmatch(text) else 0


def key(name: str) -> str:
    """What two names must not share: case, and the choice of separator, make no difference."""
    plain = unicodedata.normalize("NFKC", name).casefold()
    return re.sub(r"[ ._-]+", "-", plain)
