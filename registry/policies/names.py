"""Names of models: what is allowed, and which names are too much alike to live side by side. Pure."""

import re
import unicodedata

from portal.core.errors import BadInput

ALLOWED = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._-]{0,198}[A-Za-z0-9])?")


def checked(name: object) -> str:
    """`name`, if it is 1 to 200 Latin letters, digits, single spaces, dots, underscores and hyphens."""
    if not isinstance(name, str) or not ALLOWED.fullmatch(name) or "  " in name or ".." in name:
        raise BadInput(
            "A model's name has 1 to 200 Latin letters, digits, spaces, dots, underscores or hyphens "
            "and begins and ends with a letter or digit.",
            code="bad_name",
            status=400,
            fields={"name": "letters, digits, spaces, . _ -"},
        )
    return name


def key(name: str) -> str:
    """What two names must not share: case, and the choice of separator, make no difference."""
    plain = unicodedata.normalize("NFKC", name).casefold()
    return re.sub(r"[ ._-]+", "-", plain)
