"""The write-once, content-addressed artifact store: one folder per version digest."""

import re
from pathlib import Path

from django.conf import settings

DIGEST = re.compile(r"sha256:([0-9a-f]{64})")


def path_of(digest: str) -> Path:
    """The folder that holds the files of this digest. Raises ValueError when it is not a digest."""
    found = DIGEST.fullmatch(digest)
    if found is None:
        raise ValueError(f"{digest!r} is not a sha256 digest")
    return Path(settings.SIGNALBOX_STORE) / "sha256" / found[1][:2] / found[1]
