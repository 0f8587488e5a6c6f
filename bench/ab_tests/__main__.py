"""Simulates, prints the tables, and writes them and the curves into the documents."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.ab_tests import __doc__ as usage
from bench.ab_tests import drawing
from bench.ab_tests.cases import Result, all_of
from bench.stopping.__main__ import put_between

DOCS = Path(__file__).resolve().parents[2] / "docs"
MARKS = {"false alarms": drawing.false_alarms, "known effects": drawing.effects}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.ab_tests", description=usage, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tests", type=int, default=2_000, help="of equal arms; the default is %(default)s")
    options = parser.parse_args(arguments)
    results: list[Result] = []
    for one in all_of(options.tests):
        print(f"{one.case.name}: {one.share('look'):.1%} answered", file=sys.stderr, flush=True)
        results.append(one)
    page = DOCS / "ab-tests.md"
    text = page.read_text()
    for mark, table in MARKS.items():
        text = put_between(text, mark, table(results))
    page.write_text(text)
    (DOCS / "img" / "ab-tests.svg").write_text(drawing.svg(results))
    print(*(table(results) for table in MARKS.values()), sep="\n\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
