from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from tests import world
from tests.deployments.conftest import Line
from tests.deployments.conftest import runtime as runtime
from tests.deployments.memory_runtime import MemoryRuntime


@pytest.fixture
def racing(transactional_db: None, runtime: MemoryRuntime) -> Line:
    """The same line as elsewhere, but committed, so that threads with their own connections see it."""
    team = world.team()
    world.production()
    model = world.model(where=team)
    uploader = world.person("Ulla Loader", ("data_scientist", team))
    for _ in range(3):
        world.version(model, uploader)
    return Line(
        team=team,
        priya=world.person("Priya Nair", ("data_scientist", team)),
        marta=world.person("Marta Kowalska", ("ml_lead", team)),
        daniel=world.person("Daniel Osei", ("ml_lead", team)),
        olga=world.person("Olga Out", ("ml_lead", world.team("other"))),
        model=model,
        runtime=runtime,
    )


def race(*acts: Callable[[], Any]) -> list[Any]:
    """Run the acts at once, each in a thread with its own connection; results or exceptions, in the acts' order."""
    start = Barrier(len(acts))

    def run(act: Callable[[], Any]) -> Any:
        try:
            start.wait(timeout=10)
            return act()
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        running: list[Future[Any]] = [pool.submit(run, act) for act in acts]
        return [future.result(timeout=60) for future in running]
