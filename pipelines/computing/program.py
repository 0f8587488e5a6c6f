"""Computes the results of one evaluation: `python -m pipelines.computing.program REQUEST`, results as JSON on stdout.

Runs in the sandbox: it parses data that somebody sent, and runs functions that somebody installed.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipelines.scoring import jail
from registry.datasets import reading
from registry.datasets.files import BadData

REGISTRY = Path(reading.__file__).resolve().parents[1]


def needed(settings: Mapping[str, Any]) -> list[str]:
    """The columns beside the answers that the settings speak of."""
    from pipelines.evaluation import expression

    asked, found = settings["business"], [settings["target"]]
    found += [name for name in (settings.get("query"), (asked["costs"] or {}).get("multiplier")) if name]
    found += [name for one in settings["slices"]["declared"] for name in _columns_of(one)]
    found += settings["slices"]["columns"] if settings["slices"]["find"] else []
    found += [name for one in asked["formulas"] for name in sorted(expression.parse(one["expression"]).columns)]
    found += asked["columns"] if asked["functions"] else []
    from pipelines.computing.own import ANSWERED

    return [name for name in dict.fromkeys(found) if name == settings["target"] or name not in ANSWERED]


def _columns_of(declared: Mapping[str, Any]) -> Iterator[str]:
    if "both" in declared:
        for one in declared["both"]:
            yield from _columns_of(one)
    else:
        yield declared["column"]


def computed(request: Mapping[str, Any]) -> dict[str, Any]:
    """The results as JSON, or `refused` with a sentence."""
    from pipelines.computing import columns, report, sides

    settings, baseline = request["settings"], request["baseline_scores"]
    work = Path(request["work"])
    try:
        with reading.table(Path(request["folder"]), Path(request["scratch"]), request["types"]) as table:
            found = columns.read(table, needed(settings))
            rows = table.rows
        answers = columns.answers(work / request["scores"], rows)
        base = columns.answers(work / baseline, rows) if baseline else None
        results = report.made(settings, found, answers, base, request["baseline_note"])
    except (BadData, columns.BadScores, sides.BadTask, report.NoLabels) as error:
        return {"refused": str(error)}
    except MemoryError:
        return {"refused": f"Computing it needs more than {request['memory_bytes'] // 1024**2} MiB of memory."}
    return results.as_json()


def main() -> int:
    # The data lies beside the folder with the answers, and both are read.
    jailed = jail.enter("work", "scratch", (REGISTRY, Path(jail.asked()["folder"])))
    json.dump(computed(jailed.request), sys.stdout, allow_nan=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
