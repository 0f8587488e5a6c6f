"""Simulates, prints the tables, and writes them and the curves into the documents."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.stopping import __doc__ as usage
from bench.stopping import drawing, simulate
from bench.stopping.cases import Result, all_of
from bench.stopping.world import Traffic

DOCS = Path(__file__).resolve().parents[2] / "docs"
MARKS = {"false stops": drawing.false_stops, "power": drawing.power}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.stopping", description=usage, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rollouts", type=int, default=10_000, help="of the harmless case; the default is %(default)s")
    options = parser.parse_args(arguments)
    plan, traffic = simulate.stages(), Traffic()
    results: list[Result] = []
    for one in all_of(plan, traffic, options.rollouts):
        print(f"{one.case.name}: {one.stopped} of {one.n} stopped", file=sys.stderr, flush=True)
        results.append(one)
    page = DOCS / "rollout-judgement.md"
    text = page.read_text()
    for mark, table in MARKS.items():
        text = put_between(text, mark, table(results))
    page.write_text(text)
    (DOCS / "img" / "stopping.svg").write_text(drawing.svg(results))
    print(drawing.false_stops(results), drawing.power(results), sep="\n\n")
    print(f"\nPromised: at most {simulate.promised(plan):.1%} of those that are no worse than the limits allow.")
    return 0


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
