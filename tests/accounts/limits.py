"""The shared cache, as if it were empty, without touching what others keep in it."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.cache import caches


@contextmanager
def fresh_cache() -> Iterator[None]:
    """Within, every key lives under a version of its own."""
    cache = caches["default"]
    before, cache.version = cache.version, uuid.uuid4().int
    try:
        yield
    finally:
        cache.version = before
