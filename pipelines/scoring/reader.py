"""Sends a data set version's input columns as Arrow batches: `python -m pipelines.scoring.reader REQUEST`.

First a sample, the first rows of the data, for measuring time; then every row from `skip` on in chunks of `chunk` rows.
The column with the labels is never among them. Stands apart from the version's process, so that it cannot read it.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipelines.scoring import jail
from registry.datasets import reading
from registry.datasets.files import BadData

REGISTRY = Path(reading.__file__).resolve().parents[1]
SAMPLE_ROWS = 200


def chunks(batches: Iterator[pa.RecordBatch], size: int, skip: int) -> Iterator[pa.RecordBatch]:
    """The same rows without the first `skip`, `size` rows at a time, the last with what is left."""
    waiting: list[pa.RecordBatch] = []
    held = 0
    for batch in batches:
        passed = min(skip, batch.num_rows)
        skip -= passed
        rest = batch.slice(passed)
        while held + rest.num_rows >= size:
            taken = size - held
            yield _joined([*waiting, rest.slice(0, taken)])
            waiting, held, rest = [], 0, rest.slice(taken)
        if rest.num_rows:
            waiting.append(rest)
            held += rest.num_rows
    if held:
        yield _joined(waiting)


def _joined(parts: list[pa.RecordBatch]) -> pa.RecordBatch:
    """One batch whose columns are each in one piece."""
    table = pa.Table.from_batches([part for part in parts if part.num_rows]).combine_chunks()
    return table.to_batches()[0]


def send(request: dict[str, Any], out: Any) -> None:
    """Write the sample and the chunks. Raises `BadData`."""
    with reading.table(Path(request["folder"]), Path(request["scratch"]), request["types"]) as table:
        columns = [name for name in table.schema.names if name not in request["hidden"]]
        if not columns:
            raise BadData("There is no column beside the labels.")
        sample = next(chunks(table.batches(columns), SAMPLE_ROWS, 0), None)
        if sample is None:
            raise BadData("There are no rows.")
        with pa.ipc.new_stream(out, sample.schema) as stream:
            stream.write_batch(sample)
            for chunk in chunks(table.batches(columns), request["chunk"], request["skip"]):
                stream.write_batch(chunk)


def main() -> int:
    """Exit 0 when all was sent, 3 with the reason on stderr when the data cannot be read."""
    jailed = jail.enter("folder", "scratch", (REGISTRY,))
    try:
        send(jailed.request, sys.stdout.buffer)
    except BadData as error:
        sys.stderr.write(f"{error}\n")
        return 3
    except BrokenPipeError:
        sys.stderr.close()
        return 4
    return 0


if __name__ == "__main__":
    sys.exit(main())
