from collections.abc import Iterator

import pytest

from tests.faults.ground import Ground
from tests.stack import Stack
from tests.story import told


@pytest.fixture(scope="session")
def ground(stack: Stack) -> Iterator[Ground]:
    """A model of these tests' own with two versions promoted, so that there is something to roll back to."""
    with told(stack) as story:
        found = Ground(story)
        for _ in range(2):
            story.promote(found.candidate())
        yield found
