"""Asks a shadow again what callers asked, off the answering path: from the spools, one question at a time, bounded.

Copying is what gives way first. A pass looks at no more predictions than it may copy and goes on behind the newest, so
it never falls behind; a shadow that is slow, hangs or dies costs comparisons and nothing else.
"""

import datetime as dt
import http.client
import json
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from serving import contract, plain, spool
from serving.agent.asking import Connection
from serving.comparing import Comparison
from serving.contract import ShadowReport, ShadowSpec
from serving.spool import Position

PASS_SECONDS = 0.25
SALT = "shadow"


class Copier(threading.Thread):
    """One shadow's thread. `sources` names the spools of what serves now, `slot` the shadow's socket or None."""

    def __init__(
        self,
        spec: ShadowSpec,
        found: Comparison,
        sources: Callable[[], Mapping[str, Path]],
        slot: Callable[[], Path | None],
    ) -> None:
        super().__init__(name=f"shadow of {spec.environment}/{spec.endpoint}", daemon=True)
        self.spec = spec
        self._found = found
        self._sources = sources
        self._slot = slot
        self._positions: dict[str, Position] = {}
        self._ended = threading.Event()
        self._lock = threading.Lock()

    def run(self) -> None:
        while not self._ended.wait(PASS_SECONDS):
            try:
                self.look()
            except OSError as error:
                print(f"{self.name}: the spool could not be read: {error}", flush=True)

    def end(self) -> None:
        self._ended.set()

    def report(self) -> ShadowReport:
        ready = self._slot() is not None
        with self._lock:
            return self._found.report(ready=ready)

    def look(self) -> None:
        """One pass over what was answered since the last one."""
        budget = max(1, round(self.spec.per_second * PASS_SECONDS))
        slot = self._slot()
        for name, folder in self._sources().items():
            if name not in self._positions:
                self._positions[name], _ = spool.skip(folder, Position())
                continue
            if slot is not None:
                batch = spool.read(folder, self._positions[name], limit=budget)
                self._positions[name] = batch.position
                wanted = [record for record in batch.records if self._wanted(record)]
                budget = max(1, budget - len(wanted))
                for record in wanted:
                    if self._ended.is_set():
                        return
                    self._copy(record, slot)
            self._positions[name], passed = spool.skip(folder, self._positions[name])
            with self._lock:
                self._found.shed += passed

    def _wanted(self, record: Mapping[str, Any]) -> bool:
        answered = record.get("status") == 200 and record.get("arm") != "shadow" and record.get("inputs")
        sampled = contract.bucket(str(record.get("prediction_id")), SALT) < self.spec.share
        return bool(answered and sampled and not record["inputs"].get("truncated"))

    def _copy(self, record: Mapping[str, Any], slot: Path) -> None:
        began = time.perf_counter()
        code, answer = _ask(slot, record, self.spec.revision)
        took = (time.perf_counter() - began) * 1000
        with self._lock:
            if code:
                self._found.failure(code)
                return
            columns = record["inputs"].get("columns", {})
            kept = {name: columns[name] for name in self.spec.segments if name in columns}
            self._found.answer(record["answer"], answer, kept, float(record["latency_ms"]), took)


def fresh(spec: ShadowSpec) -> Comparison:
    """Counts that begin now."""
    now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return Comparison(spec.revision, now, spec.threshold)


def question(record: Mapping[str, Any]) -> dict[str, Any]:
    """The body for `/invocations` that asks again what a record of the spool was asked."""
    inputs, parameters = record["inputs"], record.get("parameters") or {}
    more = {"params": parameters} if parameters else {}
    if "columns" in inputs:
        columns = inputs["columns"]
        rows = [list(row) for row in zip(*columns.values(), strict=True)]
        return {"dataframe_split": {"columns": list(columns), "data": rows}, **more}
    tensors = inputs["tensors"]
    return {"inputs": tensors[""] if set(tensors) == {""} else tensors, **more}


def _ask(slot: Path, record: Mapping[str, Any], revision: str) -> tuple[str, Any]:
    """A code that says why there is no answer, or "" and the answer."""
    headers = {
        "content-type": "application/json",
        "x-signalbox-arm": "shadow",
        "x-signalbox-revision": revision,
        contract.HEADER_PREDICTION: str(record["prediction_id"]),
        contract.HEADER_REQUEST: str(record["request_id"]),
    }
    connection = Connection(slot)
    try:
        connection.request("POST", "/invocations", plain.dumps(question(record)), headers)
        answer = connection.getresponse()
        body = json.loads(answer.read())
    except TimeoutError:
        return "deadline_exceeded", None
    except (OSError, ValueError, http.client.HTTPException):
        return "no_answer", None
    finally:
        connection.close()
    if answer.status != 200:
        return str(body.get("code", answer.status))[:60], None
    return "", body.get("predictions")
