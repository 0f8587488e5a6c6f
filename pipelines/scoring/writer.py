"""Writes the answers beside columns of the data: `python -m pipelines.scoring.writer REQUEST`, a summary on stdout.

One row a row of the data, in its order: `row`, its number from 1; the kept columns; the answers. The same inputs make
the same bytes, so the digest of a file says whether something was left out or came twice. Runs in the sandbox: it
parses data that somebody sent, and answers that a version gave.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipelines.computing.columns import KINDS, BadScores, of_one_kind
from pipelines.scoring import jail, joined
from pipelines.scoring.reader import chunks
from registry.datasets import reading
from registry.datasets.files import BadData

REGISTRY = Path(reading.__file__).resolve().parents[1]
Answers = NDArray[Any]


def write(request: Mapping[str, Any]) -> dict[str, Any]:
    """Write the file and tell of it. Raises `BadData` and `BadScores`."""
    seen = joined.Seen()
    with reading.table(Path(request["folder"]), Path(request["scratch"]), request["types"]) as table:
        pieces = _pieces(table, request["keep"], _answers(Path(request["answers"])), request["chunk"])
        path = Path(request["out"]) / request["file"]
        writer: pq.ParquetWriter | None = None
        try:
            for piece, answers in pieces:
                if writer is None:
                    schema = piece.schema.with_metadata(request["about"])
                    writer = pq.ParquetWriter(path, schema, compression="zstd")
                writer.write_batch(piece.cast(writer.schema))
                seen.add(piece, answers)
        finally:
            if writer is not None:
                writer.close()
        if seen.rows != table.rows or writer is None:
            raise BadScores(f"There are answers to {seen.rows} of {table.rows} rows.")
    return {"rows": seen.rows, "summary": seen.summary()}


def _answers(folder: Path) -> Iterator[Answers]:
    """The answers to each chunk, in order, all of one kind. Raises `BadScores`."""
    first: Answers | None = None
    for path in sorted(folder.glob("[0-9]*.npy")):
        try:
            found = np.load(path, allow_pickle=False)
        except (ValueError, OSError, EOFError) as error:
            raise BadScores(f"The answers cannot be read: {error}"[:300]) from error
        if found.dtype.kind not in KINDS or found.ndim not in (1, 2):
            raise BadScores(f"The answers are of the type {found.dtype}.")
        first = found if first is None else first
        of_one_kind(first, found)
        yield found


def _pieces(
    table: reading.Table, keep: Sequence[str], answers: Iterator[Answers], size: int
) -> Iterator[tuple[pa.RecordBatch, Answers]]:
    """A batch of the file for each chunk of answers, as far as both reach."""
    kept = chunks(table.batches(keep), size, 0) if keep else None
    first = 1
    for found in answers:
        columns = {"row": pa.array(np.arange(first, first + len(found)))}
        if kept is not None:
            part = next(kept, None)
            if part is None or part.num_rows != len(found):
                raise BadScores(f"There are answers to {len(found)} rows of a chunk that has not as many.")
            columns |= dict(zip(keep, part.columns, strict=True))
        yield pa.RecordBatch.from_pydict(columns | joined.columns(found)), found
        first += len(found)


def main() -> int:
    """Exit 0 with what was written, or `refused` with a sentence."""
    # The data lies beside the folder with the answers, and both are read.
    jailed = jail.enter("work", "out", (REGISTRY, Path(jail.asked()["folder"])))
    try:
        told = write(jailed.request)
    except (BadData, BadScores) as error:
        told = {"refused": str(error)}
    except MemoryError:
        told = {"refused": f"Writing it needs more than {jailed.request['memory_bytes'] // 1024**2} MiB of memory."}
    json.dump(told, sys.stdout, allow_nan=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
