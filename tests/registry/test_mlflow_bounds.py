"""An MLflow that answers about something else, or without end: nothing is concluded from that, and nobody waits."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from portal.core import leases
from portal.core.errors import Unavailable
from registry.adapters import data_sources, mlflow_rest
from registry.adapters.mlflow_rest import Mlflow, MlflowRefused, MlflowRest, MlflowUnavailable
from registry.datasets.files import BadData
from registry.gate import forward
from registry.models import Experiment, Run
from registry.reconcilers import ingest, mirror
from tests import world
from tests.memory_mlflow import MemoryMlflow
from tests.registry.artifacts.conftest import FILES, Bench
from tests.registry.artifacts.conftest import bench as bench

Answer = Callable[[httpx.Request], httpx.Response]
RUN = "a" * 32


def asked(answer: Answer) -> MlflowRest:
    """Our side of an MLflow that answers so."""
    found = MlflowRest("http://mlflow")
    found.close()
    found._http = httpx.Client(transport=httpx.MockTransport(answer), base_url="http://mlflow")
    return found


def said(body: Any) -> httpx.Response:
    return httpx.Response(200, content=iter([json.dumps(body).encode()]))


def always(body: Any) -> Answer:
    return lambda request: said(body)


def version(name: str, number: int) -> Any:
    return {"model_version": {"name": name, "version": str(number)}}


ANOTHER: dict[str, tuple[Any, Callable[[Mlflow], Any]]] = {
    "another run": ({"run": {"info": {"run_id": "b" * 32}}}, lambda mlflow: mlflow.run(RUN)),
    "a run without a name": ({"run": {}}, lambda mlflow: mlflow.run(RUN)),
    "no run": ({}, lambda mlflow: mlflow.run(RUN)),
    "another model": ({"registered_model": {"name": "other"}}, lambda mlflow: mlflow.model("delay")),
    "nothing for a model": ({"registered_model": None}, lambda mlflow: mlflow.model("delay")),
    "a list for a model": ([], lambda mlflow: mlflow.model("delay")),
    "another version": (version("delay", 2), lambda mlflow: mlflow.version("delay", 1)),
    "another's version": (version("other", 1), lambda mlflow: mlflow.version("delay", 1)),
    "another's alias": (version("other", 1), lambda mlflow: mlflow.alias("delay", "champion")),
    "another metric": (
        {"metrics": [{"key": "loss", "value": 1.0}]},
        lambda mlflow: mlflow.metric_history(RUN, "auc"),
    ),
    "an object for a list": ({"registered_models": {"name": "delay"}}, lambda mlflow: list(mlflow.models())),
    "a list of texts": ({"files": ["model.pkl"]}, lambda mlflow: mlflow.files("1/a")),
}


@pytest.mark.parametrize("name", ANOTHER)
def test_an_answer_about_something_else_is_no_answer(name: str) -> None:
    body, ask = ANOTHER[name]
    with pytest.raises(MlflowUnavailable):
        ask(asked(always(body)))


def test_a_run_whose_answer_is_anothers_keeps_what_was_copied_before(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    row = Run.objects.create(
        run_id=RUN, experiment=Experiment.objects.create(mlflow_id="7", name="trials", team=world.team()), name="mine"
    )
    Run.objects.filter(pk=row.pk).update(next_reconcile_at="2026-01-01T00:00Z")
    lease = leases.claim(Run, row.pk)
    assert lease is not None
    other = {"run": {"info": {"run_id": "b" * 32, "run_name": "theirs"}}}
    monkeypatch.setattr(mlflow_rest, "client", lambda: asked(always(other)))
    assert mirror.run(lease) is not None, "it is asked again"
    row.refresh_from_db()
    assert (row.name, row.mirrored_at) == ("mine", None)


def pages(request: httpx.Request) -> httpx.Response:
    number = int(request.url.params.get("page_token", "0"))
    return said({"model_versions": [{"version": "1"}], "next_page_token": str(number + 1)})


def same_page(request: httpx.Request) -> httpx.Response:
    return said({"model_versions": [], "next_page_token": "again"})


@pytest.mark.parametrize(
    ("answer", "bound"), [(pages, ("LISTED", 10)), (pages, ("LIST_SECONDS", 0.0)), (same_page, None)]
)
def test_a_list_that_does_not_end_is_given_up(
    answer: Answer, bound: tuple[str, Any] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if bound is not None:
        monkeypatch.setattr(mlflow_rest, *bound)
    with pytest.raises(MlflowUnavailable, match="does not end"):
        list(itertools.islice(asked(answer).versions(), 1_000))


@pytest.mark.parametrize("names", [["deeper"], [f"wide{number}" for number in range(50)]])
def test_folders_without_end_are_given_up(names: list[str]) -> None:
    body = {"files": [{"path": name, "is_dir": True} for name in names]}
    with pytest.raises(MlflowRefused, match="does not end"):
        asked(always(body)).files("1/a")


def test_of_too_many_files_the_first_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mlflow_rest, "FILES", 3)
    body = {"files": [{"path": f"f{number}", "is_dir": False} for number in range(9)]}
    assert [file["path"] for file in asked(always(body)).files("1/a")] == ["f0", "f1", "f2"]


def trickle() -> Iterator[bytes]:
    """A byte now and then, for ever."""
    return itertools.repeat(b" ")


def test_an_answer_that_trickles_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mlflow_rest, "ANSWER_SECONDS", 0.0)
    with pytest.raises(MlflowUnavailable, match="takes more than"):
        asked(lambda request: httpx.Response(200, content=trickle())).model("delay")


def test_a_file_that_trickles_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mlflow_rest, "JUDGED_EVERY", 0.0)
    monkeypatch.setattr(mlflow_rest, "SLOWEST", 10**9)
    with (
        pytest.raises(MlflowUnavailable, match="too slowly"),
        asked(lambda request: httpx.Response(200, content=trickle())).read("1/a") as chunks,
    ):
        for _ in chunks:
            pass


class Slow(MemoryMlflow):
    """Sends its files byte by byte."""

    @contextmanager
    def read(self, path: str) -> Iterator[Iterator[bytes]]:
        with super().read(path) as chunks:
            yield (bytes([byte]) for chunk in chunks for byte in chunk)


def test_while_a_long_file_comes_the_lease_is_kept_and_its_beginning_is_looked_at(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes come as they like; what says that a file runs code are its first ones, however many came first."""
    slow, looked_at, read = Slow(), dict[str, bytes](), ingest._read
    bench.mlflow = slow
    mlflow_rest.use(slow)
    renewed: list[str] = []

    def reading(row: Any, work: Any, tree: Any, heads: dict[str, bytes]) -> dict[str, Any]:
        looked_at.update(heads)
        return read(row, work, tree, heads)

    monkeypatch.setattr(ingest, "_read", reading)
    monkeypatch.setattr(ingest, "TELL_SECONDS", -1.0)
    monkeypatch.setattr(leases, "renew", lambda lease, **_: renewed.append("once"))
    assert bench.register(FILES | {"note.txt": b"n" * 600}).status == "ready"
    assert len(renewed) > 600
    assert looked_at["note.txt"] == b"n" * 512


def test_a_listed_path_that_leads_elsewhere_is_refused(db: None, tmp_path: Path) -> None:
    experiment = Experiment.objects.create(mlflow_id="7", name="trials", team=world.team())
    lies = ["../../away.csv", str(tmp_path / "away.csv")]
    for number, path in enumerate(lies):
        run_id, target = str(number) * 32, tmp_path / "a" / "b"
        Run.objects.create(run_id=run_id, experiment=experiment, artifacts=[{"path": path, "size": 3}])
        mlflow_rest.use(asked(lambda request: httpx.Response(200, content=b"x\n1")))
        source = {"kind": "artifact", "path": f"7/{run_id}/artifacts"}
        with pytest.raises(BadData, match="cannot be one"):
            data_sources.fetch(source, target, lambda done, total, name: None)
        mlflow_rest.use(None)
    assert not list(tmp_path.rglob("*.csv"))


async def flood() -> AsyncIterator[bytes]:
    while True:
        await asyncio.sleep(0)
        yield b" " * 1024


@pytest.mark.parametrize(("bound", "words"), [(("MAX_ANSWER", 10_000), "too long"), (("ANSWER_SECONDS", 0.05), "away")])
def test_the_gate_passes_on_no_answer_without_end(
    bound: tuple[str, Any], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in memory nor in time."""

    async def ask() -> None:
        transport = httpx.MockTransport(lambda request: httpx.Response(200, content=flood()))
        async with httpx.AsyncClient(transport=transport, base_url="http://mlflow") as client:
            monkeypatch.setattr(forward, "_client", client)
            await forward.ask({"method": "GET", "headers": []}, "/api/2.0/mlflow/runs/get", b"")

    monkeypatch.setattr(forward, *bound)
    with pytest.raises(Unavailable, match=words):
        asyncio.run(ask())
