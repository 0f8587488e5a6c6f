"""Measure, print a table, write `bench/results.json`.

python -m bench                 everything
python -m bench gate audit      some
python -m bench evaluations --rows 10000000
python -m bench --list          what there is
"""

import argparse
import signal
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

from bench import catalogue, circumstances, ground, results
from bench.catalogue import Benchmark
from bench.ground import Portal
from bench.measure import Effort
from bench.results import Row


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure Signalbox against its rivals.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(catalogue.NAMES)}; all by default")
    parser.add_argument(
        "--rows", type=int, default=Effort().evaluated, help="of evaluations; the default is %(default)s"
    )
    parser.add_argument("--list", action="store_true", help="say what each one measures")
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.names) - set(catalogue.NAMES)):
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are: {', '.join(catalogue.NAMES)}")
    benchmarks = catalogue.chosen(options.names)
    if options.list:
        print("\n".join(f"{one.name:<14}{one.claim}" for one in benchmarks))
        return 0
    # So that a portal that was started here is stopped whatever ends this.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    rows: list[Row] = []
    about = circumstances.now()
    with _ground(benchmarks) as portal:
        for one in benchmarks:
            print(f"{one.name}: {one.claim}", file=sys.stderr, flush=True)
            found = list(one.measure(portal, Effort(evaluated=options.rows)))
            results.write(found, about)
            rows += found
    machine = about["machine"]
    print(f"\n{about['date']}, {machine['cores']} cores, {machine['cpu']}, Python {machine['python']}", end="")
    print(f", load {machine['load_before']} before the run")
    print("Medians with 95 % intervals. A ratio above 1: ours is so many times better; below 1: theirs is.\n")
    print(results.table(rows))
    return 0


def _ground(benchmarks: Sequence[Benchmark]) -> AbstractContextManager[Portal]:
    """A portal of its own, if one of them asks it."""
    if not any(one.portal for one in benchmarks):
        return nullcontext(Portal({}, {}))
    print("Starting a portal of its own with the example world ...", file=sys.stderr, flush=True)
    return ground.portal()


if __name__ == "__main__":
    raise SystemExit(main())
