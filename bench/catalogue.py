"""The benchmarks by name. Each is a function that measures on a running portal and returns its rows."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module

from bench.ground import Portal
from bench.measure import Effort
from bench.results import Row

# In the order in which they run: what changes the world comes last.
NAMES = ("gate", "router", "arrays", "predictions", "hedging", "audit", "models", "evaluation", "evaluations", "gates",
         "switch", "steering")  # fmt: skip
Measure = Callable[[Portal, Effort], Iterator[Row]]


@dataclass(frozen=True, slots=True)
class Benchmark:
    """`claim` is the question it answers, in a line; `portal` says that it asks a running portal."""

    name: str
    claim: str
    measure: Measure
    portal: bool = True


KNOWN: dict[str, Benchmark] = {}


def benchmark(name: str, claim: str, *, portal: bool = True) -> Callable[[Measure], Measure]:
    """Register the function under the name."""

    def register(measure: Measure) -> Measure:
        KNOWN[name] = Benchmark(name, claim, measure, portal)
        return measure

    return register


def chosen(names: list[str]) -> list[Benchmark]:
    """These benchmarks, or all when none is named, in the order in which they run."""
    for name in NAMES:
        import_module(f"bench.{name}")
    return [KNOWN[name] for name in NAMES if not names or name in names]
