"""A full disk, as any process may make one for itself: files that it writes can get no longer."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def no_space(most: int = 0) -> Iterator[None]:
    """Within, the kernel lets no file of this process grow beyond so many bytes; the write fails, or is cut short."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def left_in(folder: Path) -> list[str]:
    """The files below a folder that is there or not."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
