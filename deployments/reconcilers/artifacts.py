"""The last look at a version's files before the runtime is told to load them: as approved, and as signed."""

import time
from collections.abc import Callable

from deployments.models import Revision
from portal.core import leases
from portal.core.leases import Lease
from registry.artifacts import bound, store
from registry.models import ArtifactStatement
from serving.digests import Manifest, TreeRefused, hash_tree

RENEW_SECONDS = 5.0


def refused(revision: Revision, lease: Lease) -> str:
    """Why the files in the store may not be loaded; "" when they may. Every byte is hashed again.

    A version from before there were statements has none; the agent still holds its copy against the approved digest.
    """
    version = revision.version
    if not ArtifactStatement.objects.filter(version=version).exists():
        return ""
    found = _hashed(revision, lease)
    if isinstance(found, str):
        return found
    problems = bound.problems(version, found)
    if found.digest != revision.digest and not problems:
        return f"The files in the store have {found.digest}, approved was {revision.digest}."
    return " ".join(problem.sentence for problem in problems)


def _hashed(revision: Revision, lease: Lease) -> Manifest | str:
    try:
        return hash_tree(store.path_of(revision.digest), on_bytes=_keeping(lease))
    except TreeRefused as error:
        return f"The store holds what was never signed: {error}."
    except OSError as error:
        return f"The files cannot be read from the store: {error.strerror}."


def _keeping(lease: Lease) -> Callable[[int], None]:
    """Keeps the lease while a large version is hashed."""
    seen = [time.monotonic()]

    def look(_: int) -> None:
        if time.monotonic() - seen[0] > RENEW_SECONDS:
            leases.renew(lease)
            seen[0] = time.monotonic()

    return look
