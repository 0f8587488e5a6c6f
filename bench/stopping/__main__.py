"""Simulates, prints the tables, and writes them and the curves into the documents."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.stopping import __doc__ as usage
from bench.stopping import callers, drawing, simulate
from bench.stopping.cases import Result, all_of
from bench.stopping.simulate import Stage
from bench.stopping.world import Traffic

DOCS = Path(__file__).resolve().parents[2] / "docs"
PARTS = ("versions", "callers")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.stopping", description=usage, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rollouts", type=int, default=10_000, help="of the harmless case; the default is %(default)s")
    parser.add_argument("--part", choices=PARTS, help="only this part; both without it")
    options = parser.parse_args(arguments)
    plan = simulate.stages()
    tables = _versions(plan, options.rollouts) if options.part != "callers" else {}
    tables |= _callers(plan, options.rollouts) if options.part != "versions" else {}
    page = DOCS / "rollout-judgement.md"
    text = page.read_text()
    for mark, table in tables.items():
        text = put_between(text, mark, table)
    page.write_text(text)
    print(*tables.values(), sep="\n\n")
    print(f"\nPromised: at most {simulate.promised(plan):.1%} of those that are no worse than the limits allow.")
    return 0


def _versions(plan: Sequence[Stage], rollouts: int) -> dict[str, str]:
    results: list[Result] = []
    for one in all_of(plan, Traffic(), rollouts):
        print(f"{one.case.name}: {one.stopped} of {one.n} stopped", file=sys.stderr, flush=True)
        results.append(one)
    (DOCS / "img" / "stopping.svg").write_text(drawing.svg(results))
    return {"false stops": drawing.false_stops(results), "power": drawing.power(results)}


def _callers(plan: Sequence[Stage], rollouts: int) -> dict[str, str]:
    told: list[callers.Told] = []
    for one in callers.all_of(plan, rollouts):
        print(f"{one.callers.name}: {one.stopped} of {one.n} stopped", file=sys.stderr, flush=True)
        told.append(one)
    return {"callers": drawing.callers(told)}


def put_between(text: str, mark: str, table: str) -> str:
    """`text` with what stands between the marks replaced. Raises ValueError without them."""
    begin, end = f"<!-- {mark} -->", f"<!-- end of {mark} -->"
    before, _, rest = text.partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise ValueError(f"there is no {begin} with {end} after it")
    return f"{before}{begin}\n{table}\n{end}{after}"


if __name__ == "__main__":
    raise SystemExit(main())
