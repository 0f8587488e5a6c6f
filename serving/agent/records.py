"""What the agent knows of each revision, on disk before anything is done about it."""

from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from serving import contract, files
from serving.agent.errors import conflict
from serving.contract import RevisionSpec
from serving.places import Places

Step: TypeAlias = Literal["copying", "kept", "failed", "removing"]


@dataclass(frozen=True, slots=True)
class Record:
    """`copying` until the private copy is complete and has the approved digest, then `kept` and run by the zygote."""

    spec: RevisionSpec
    slot: int
    step: Step = "copying"
    code: str = ""
    reason: str = ""

    @property
    def most_replicas(self) -> int:
        return self.spec.limits.replicas_max

    @property
    def beside(self) -> range:
        """Numbers of the processes it may have beside the first, which is 0."""
        return range(1, self.most_replicas)

    def as_json(self) -> dict[str, Any]:
        shown = {name: getattr(self, name) for name in ("slot", "step", "code", "reason")}
        return {"spec": contract.as_json(self.spec), **shown}


class Records:
    """All records; every change is on disk when the call returns."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._last_slot = -1
        self.all: dict[str, Record] = {}

    def load(self) -> None:
        for path in sorted(self._places.records.glob("*.json")):
            try:
                record = _read(files.read_json(path))
            except (ValueError, KeyError, TypeError) as error:
                print(f"{path} cannot be read and is left alone: {error}", flush=True)
                continue
            self.all[record.spec.id] = record

    def add(self, spec: RevisionSpec) -> Record:
        """A new record in a free slot. Raises `Refused` when all slots are taken."""
        record = Record(spec, self._free_slot())
        self._write(record)
        self._last_slot = record.slot
        return record

    def change(self, record: Record, step: Step, code: str = "", reason: str = "") -> Record:
        changed = replace(record, step=step, code=code, reason=reason)
        self._write(changed)
        return changed

    def remove(self, record: Record) -> None:
        files.remove(self._places.records / f"{record.spec.id}.json")
        self.all.pop(record.spec.id, None)

    def _write(self, record: Record) -> None:
        files.write_json(self._places.records / f"{record.spec.id}.json", record.as_json())
        self.all[record.spec.id] = record

    def _free_slot(self) -> int:
        """The next free slot after the one given last, so that a slot rests before it is used again."""
        taken = {record.slot for record in self.all.values()}
        for offset in range(1, self._places.slots + 1):
            slot = (self._last_slot + offset) % self._places.slots
            if slot not in taken:
                return slot
        detail = f"All {self._places.slots} slots are taken. Remove revisions that serve nobody."
        raise conflict("no_free_slot", detail)


def _read(value: dict[str, Any]) -> Record:
    body = dict(value["spec"])
    spec = contract.revision_spec(str(body.pop("id")), body)
    step: Step = value["step"]
    return Record(spec, int(value["slot"]), step, str(value["code"]), str(value["reason"]))
