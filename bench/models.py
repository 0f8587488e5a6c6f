"""Reading the list of models: our page's data against MLflow's own search, with as many models in both."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from bench.catalogue import benchmark
from bench.gate import API, source_of_example
from bench.ground import Portal
from bench.measure import Effort, estimate, interleaved
from bench.results import Row
from bench.wire import Line

PAGE = 20
# Those of the first page have a version and an alias each, so that both sides have something to look up.
WITH_VERSIONS = PAGE
HANDS = 4


@benchmark("models", "our model page's data against MLflow's own search for the same with 1,000 models")
def measure(portal: Portal, effort: Effort) -> Iterator[Row]:
    token = portal.token("data_scientist")
    names = _registered(portal, effort.models)
    ours, theirs = Line(portal.url, token), Line(portal.mlflow)
    needle = names[len(names) // 2].rpartition("-")[2]
    questions: dict[str, tuple[dict[str, str], dict[str, str], str]] = {
        "models.page": ({}, {}, f"the first {PAGE} of {len(names)} models by name"),
        "models.search": ({"q": needle}, {"filter": f"name ILIKE '%{needle}%'"}, "a part of a name, one match"),
    }
    for name, (asked, filtered, words) in questions.items():
        search = {"max_results": str(PAGE), "order_by": "name ASC", **filtered}
        _same(ours, theirs, asked, search)
        sides = {
            "ours": partial(ours.get, "/api/v1/models/", **asked),
            "theirs": partial(theirs.get, f"{API}/registered-models/search", **search),
        }
        times = interleaved(sides, effort)
        yield Row(name, estimate(times["ours"]), estimate(times["theirs"]), "ms", note=words)
    ours.close()
    theirs.close()


def _same(ours: Line, theirs: Line, asked: dict[str, str], search: dict[str, str]) -> None:
    """Both must answer with the same models, or the comparison says nothing."""
    here = [row["name"] for row in ours.get("/api/v1/models/", **asked).json()["results"]]
    there = theirs.get(f"{API}/registered-models/search", **search).json().get("registered_models", [])
    if not here or here != [row["name"] for row in there]:
        raise RuntimeError(f"The two lists differ: {here} and {[row['name'] for row in there]}")


def _registered(portal: Portal, count: int) -> list[str]:
    """Register models through the gate, so that both sides know them; returns their names in order."""
    unique = time.time_ns()
    names = [f"bench-{unique}-{number:04d}" for number in range(count)]
    with ThreadPoolExecutor(HANDS) as pool:
        for done in [
            pool.submit(_register, portal, names[hand::HANDS], names[:WITH_VERSIONS]) for hand in range(HANDS)
        ]:
            done.result()
    return names


def _register(portal: Portal, names: list[str], with_versions: list[str]) -> None:
    line = Line(portal.url, portal.token("data_scientist"))
    source = source_of_example(line)
    for name in names:
        line.post(f"{API}/registered-models/create", {"name": name})
        if name in with_versions:
            made = line.post(f"{API}/model-versions/create", {"name": name, **source}).json()["model_version"]
            alias = {"name": name, "alias": "candidate", "version": made["version"]}
            line.post(f"{API}/registered-models/alias", alias)
    line.close()
