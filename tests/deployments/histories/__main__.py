"""Records every history anew."""

import sys

import pytest

from tests.deployments.histories import FOLDER

if __name__ == "__main__":
    sys.exit(pytest.main(["-q", "-n", "0", str(FOLDER / "recording.py"), *sys.argv[1:]]))
