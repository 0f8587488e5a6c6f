"""The embedded PostgreSQL for the length of one command, whether or not the portal runs."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from portal.embedded import children, ending, postgres
from portal.embedded.errors import StartError
from portal.embedded.postgres import Cluster
from portal.embedded.processes import Service

PATIENCE = 60.0
PAUSE = 0.05


@contextmanager
def running(cluster: Cluster, environment: Mapping[str, str], logs: Path) -> Iterator[None]:
    """Yields with the server answering; one that was started here is ended again."""
    if postgres.answers(cluster):
        yield
        return
    server = Service("postgres", tuple(postgres.command(cluster)), environment, probe=lambda: postgres.answers(cluster))
    child = children.start(server, logs / "postgres.log", cluster.home, cluster.account)
    try:
        deadline = time.monotonic() + PATIENCE
        while not postgres.answers(cluster):
            if child.exit_code() is not None or time.monotonic() > deadline:
                raise StartError(f"PostgreSQL did not start. {logs / 'postgres.log'} says why.")
            time.sleep(PAUSE)
        yield
    finally:
        ending.end(child, postgres.STOP_SIGNAL, 30.0)
