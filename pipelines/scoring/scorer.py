"""Asks a version about every row: `python -m pipelines.scoring.scorer REQUEST`, the rows as Arrow batches on stdin.

Leaves one file of answers a chunk, `00000012.npy`, and `told.json`: how long it took, or why it could not be done.
A chunk that stands is never written again. Nothing here can be believed further than the version itself.
"""

import json
import os
import secrets
import sys
import time
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from pipelines.scoring import jail
from pipelines.scoring.answers import BadAnswer, plain

TOLD = "told.json"
WARM_CALLS = 5
MEMORY = "VmHWM:"


def chunk_name(number: int) -> str:
    return f"{number:08}.npy"


def main() -> int:
    """Exit 0 whenever something was told, also a refusal."""
    with Path("/proc/self/status").open("rb", buffering=0) as status:  # opened before the sandbox hides it
        jailed = jail.enter("copy", "scores")
        folder = Path(jailed.request["scores"])
        told = _told(jailed, folder)
        _write(folder / TOLD, json.dumps({**told, "memory_bytes": _peak(status)}).encode())
    return 0


def _told(jailed: jail.Jailed, folder: Path) -> dict[str, Any]:
    from serving.scoring import Unscored

    try:
        return _scored(jailed, folder)
    except (Unscored, BadAnswer) as error:
        return {"refused": str(error)}
    except MemoryError:
        return {"refused": f"The version needs more than {jailed.request['memory_bytes'] // 1024**2} MiB of memory."}


def _scored(jailed: jail.Jailed, folder: Path) -> dict[str, Any]:
    from serving import scoring

    request = jailed.request
    began = time.perf_counter()
    scorer = scoring.load(Path(request["copy"]), request["signature"], request["inputs"], jailed.report.isolated)
    told: dict[str, Any] = {"load_seconds": time.perf_counter() - began, "layers": sorted(jailed.report.layers)}
    number, rows, busy = request["skip"] // request["chunk"], 0, 0.0
    try:
        with pa.ipc.open_stream(sys.stdin.buffer) as stream:
            told["latency_ms"] = _latency(scorer, stream.read_next_batch(), request["calls"])
            for batch in stream:
                began = time.perf_counter()
                answer = scorer.answers(batch)
                busy += time.perf_counter() - began
                _keep(folder, number, plain(answer, batch.num_rows, number * request["chunk"] + 1))
                number, rows = number + 1, rows + batch.num_rows
    except (pa.ArrowException, EOFError, StopIteration) as error:
        raise scoring.Unscored("The rows ended before their end was told.") from error
    return {**told, "rows_per_second": rows / busy if busy else None, "chunks": number}


def _latency(scorer: Any, sample: pa.RecordBatch, calls: int) -> dict[str, float]:
    """Milliseconds of single rows, asked one after the other; empty when none are wanted."""
    taken = []
    for call in range(-WARM_CALLS if calls else 0, calls):
        row = sample.slice(call % sample.num_rows, 1)
        began = time.perf_counter()
        scorer.answers(row)
        if call >= 0:
            taken.append(1000 * (time.perf_counter() - began))
    if not taken:
        return {}
    p50, p95, p99 = np.quantile(taken, [0.5, 0.95, 0.99]).tolist()
    return {"p50": p50, "p95": p95, "p99": p99, "n": len(taken)}


def _keep(folder: Path, number: int, found: Any) -> None:
    # Of this process alone: one whose worker was overtaken may still be writing the same chunk.
    temporary = folder / f".{number}.{secrets.token_hex(4)}.new"
    with temporary.open("wb") as file:
        np.save(file, found, allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(folder / chunk_name(number))


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_bytes(content)
    temporary.rename(path)


def _peak(status: BinaryIO | Any) -> int:
    """Highest memory of this process so far, in bytes; 0 where the kernel does not say."""
    lines = status.read().decode().splitlines()
    found = [line.split() for line in lines if line.startswith(MEMORY)]
    return int(found[0][1]) * 1024 if found else 0


if __name__ == "__main__":
    sys.exit(main())
