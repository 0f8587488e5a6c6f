"""The agent takes nothing for unsaid that it did not understand or was not told yet."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from starlette.types import ASGIApp

from serving.agent.api import Api
from serving.agent.errors import Refused
from serving.agent.measuring import Measuring
from serving.agent.records import Record
from serving.contract import Measures, RevisionSpec
from serving.router.runtime import Runtime

SPEC = RevisionSpec("7", "production", "flights", "Flight delay", 3, 2, "/store/a", "sha256:" + "a" * 64)


class Tables:
    """What the calls take away: endpoint and newest generation."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, int | None]] = []

    async def delete(self, environment: str, endpoint: str, generation: int | None) -> None:
        self.taken.append((endpoint, generation))


def delete(query: str) -> tuple[httpx.Response, Tables]:
    tables, none = Tables(), cast(Any, None)
    api = Api(none, cast(Any, tables), none, none, none, none, none, Path("/gone"), none)

    async def call() -> httpx.Response:
        over = httpx.ASGITransport(app=cast(ASGIApp, api.application()))
        async with httpx.AsyncClient(transport=over, base_url="http://agent") as caller:
            return await caller.delete(f"/routes/production/flights{query}")

    return asyncio.run(call()), tables


@pytest.mark.parametrize("said", ["abc", "", "-1", "1.0", "²", "%20", "9" * 5000])
def test_a_generation_that_is_none_takes_no_table_away(said: str) -> None:
    answer, tables = delete(f"?generation={said}")
    assert (answer.status_code, answer.json()["field"], tables.taken) == (422, "generation", [])
    assert "must be a whole number, such as ?generation=7" in answer.json()["detail"]


@pytest.mark.parametrize(("query", "newest"), [("?generation=0", 0), ("?generation=41", 41), ("", None)])
def test_a_generation_is_passed_on(query: str, newest: int | None) -> None:
    answer, tables = delete(query)
    assert (answer.status_code, tables.taken) == (204, [("flights", newest)])


class Processes:
    """The processes of one revision; `told` is what each says it has counted, None while it does not answer."""

    def __init__(self, *told: Measures | None) -> None:
        self.record = Record(SPEC, 1, "kept")
        self.records = SimpleNamespace(all={SPEC.id: self.record})
        self.told = list(told)

    async def running(self) -> list[tuple[Record, int]]:
        return [(self.record, number) for number in range(len(self.told))]

    def ask_measures(self, record: Record, replica: int) -> Measures | None:
        return self.told[replica]


def counted(epoch: str, requests: int) -> Measures:
    return Measures(SPEC.id, epoch, requests, 0, 0, (), {}, {}, 0, 0.0)


def agent(processes: Processes, tmp_path: Path) -> Measuring:
    """One that has just begun."""
    router = cast(Runtime, SimpleNamespace(died=lambda: ("router", {})))
    tables = cast(Any, SimpleNamespace(desired={}))
    return Measuring(cast(Any, SimpleNamespace(deaths=tmp_path / "deaths")), cast(Any, processes), tables, router)


def seen(measuring: Measuring, endpoint: str = "flights") -> list[int]:
    return [one.requests for one in asyncio.run(measuring.of("production", endpoint))]


def test_counts_wait_for_a_process_that_has_told_a_new_agent_nothing(tmp_path: Path) -> None:
    processes = Processes(counted("a", 5), None)
    measuring = agent(processes, tmp_path)
    with pytest.raises(Refused, match="A process of revision 7 has not said yet") as refused:
        seen(measuring)
    assert refused.value.status == 503
    assert seen(measuring, "another") == []
    processes.told[1] = counted("b", 900_000)
    assert seen(measuring) == [5, 900_000]


def test_one_that_was_heard_once_is_told_by_what_it_said_then(tmp_path: Path) -> None:
    processes = Processes(counted("a", 5), counted("b", 6))
    measuring = agent(processes, tmp_path)
    assert seen(measuring) == [5, 6]
    processes.told = [counted("a", 8), None]
    assert seen(measuring) == [8, 6]
