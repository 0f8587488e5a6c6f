"""What the zygote needs to start a revision's process again, whoever asks."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving import contract
from serving.contract import RevisionSpec
from serving.places import Places
from serving.sandbox.layers import Plan

STUCK_EXIT = 70
"""How a process ends that gives itself up because its model hangs."""


@dataclass(frozen=True, slots=True)
class Launch:
    """A process of a revision, the slot it answers in, and its private folders; replicas share the copy only."""

    spec: RevisionSpec
    slot: int
    copy: str
    spool: str
    scratch: str
    stage: str
    account: int
    replica: int = 0

    @property
    def id(self) -> str:
        return name(self.spec.id, self.replica)

    @property
    def patience(self) -> float:
        """Seconds in which a process that is asked to end answers what it has taken in."""
        return self.spec.limits.deadline_ms / 1000 + 1

    def sandbox(self, code: tuple[Path, ...], file_bytes: int) -> Plan:
        return Plan(
            copy=Path(self.copy),
            spool=Path(self.spool),
            scratch=Path(self.scratch),
            stage=Path(self.stage),
            code=code,
            account=self.account,
            memory_bytes=self.spec.limits.memory_bytes,
            cpu_millis=self.spec.limits.cpu_millis,
            file_bytes=file_bytes,
        )

    def as_json(self) -> dict[str, Any]:
        return {"spec": contract.as_json(self.spec), "slot": self.slot, "replica": self.replica}


def name(revision_id: str, replica: int) -> str:
    """What a process is called; no revision's own id holds a dot."""
    return f"{revision_id}.{replica}" if replica else revision_id


def make(spec: RevisionSpec, slot: int, places: Places, uid_base: int, replica: int = 0) -> Launch:
    """The launch of a revision in a slot; every folder follows from its id."""
    own = name(spec.id, replica)
    return Launch(
        spec=spec,
        slot=slot,
        copy=str(places.copies / spec.id),
        spool=str(places.spool / own),
        scratch=str(places.scratch / own),
        stage=str(places.stage),
        account=uid_base + slot,
        replica=replica,
    )


def read(value: Mapping[str, Any], places: Places, uid_base: int) -> Launch:
    """Read a launch back from disk or from the agent. Raises `contract.Invalid`, KeyError or TypeError."""
    body = dict(value["spec"])
    spec = contract.revision_spec(str(body.pop("id")), body)
    slot = int(value["slot"])
    if not 0 <= slot < places.slots:
        raise contract.Invalid("slot", f"must be below {places.slots}")
    replica = int(value.get("replica", 0))
    if not 0 <= replica < contract.MOST_REPLICAS:
        raise contract.Invalid("replica", f"must be below {contract.MOST_REPLICAS}")
    return make(spec, slot, places, uid_base, replica)
