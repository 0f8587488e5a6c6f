"""One route as one value of HAProxy's map, so that a switch is one `set map`.

The value reads `generation:cut:stable slot:canary slot:salt:stable id:canary id`.
"""

from dataclasses import dataclass

from serving.contract import RouteSpec

PARTS = 7


@dataclass(frozen=True, slots=True)
class Entry:
    """A route table with the slots its revisions live in; `canary_slot` is None where there is no canary."""

    spec: RouteSpec
    stable_slot: int
    canary_slot: int | None = None

    @property
    def key(self) -> str:
        return key_of(self.spec.environment, self.spec.endpoint)

    @property
    def value(self) -> str:
        spec = self.spec
        slot = "" if self.canary_slot is None else f"{self.canary_slot:02d}"
        stable = f"{self.stable_slot:02d}"
        return f"{spec.generation}:{spec.cut}:{stable}:{slot}:{spec.salt}:{spec.stable}:{spec.canary or ''}"


def key_of(environment: str, endpoint: str) -> str:
    return f"{environment}/{endpoint}"


def parse(key: str, value: str) -> Entry:
    """Read an entry back. Raises ValueError for what was never written by us."""
    parts = value.split(":")
    environment, separator, endpoint = key.partition("/")
    if len(parts) != PARTS or not separator:
        raise ValueError(f"{key} {value} is no route")
    generation, cut, stable_slot, canary_slot, salt, stable, canary = parts
    spec = RouteSpec(environment, endpoint, int(generation), stable, canary or None, int(cut), salt)
    return Entry(spec, int(stable_slot), int(canary_slot) if canary_slot else None)


def map_text(entries: dict[str, str]) -> bytes:
    """The map as the file HAProxy reads at its start."""
    return "".join(f"{key} {value}\n" for key, value in sorted(entries.items())).encode()
