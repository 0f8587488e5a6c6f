"""How far a way back is, a rollback or a rollout that is given up: only steps that are on record."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deployments.models import Endpoint, Revision, Rollout, RolloutKind, RouteTable
from deployments.selectors.rollout_stages import Stage
from portal.ui import text


@dataclass(frozen=True, slots=True)
class WayBack:
    """What leads back to a version: each step done, now or next, in their order."""

    title: str
    steps: list[Stage]

    @property
    def done(self) -> int:
        return sum(step.state == "done" for step in self.steps)

    @property
    def words(self) -> str:
        return f"{self.title}: {self.done} of {len(self.steps)} steps done"

    @property
    def mark(self) -> list[str]:
        """What changes when the page would say something else."""
        return [f"{step.note} {step.state}" for step in self.steps]


def of(rollout: Rollout, endpoint: Endpoint, table: RouteTable | None) -> WayBack | None:
    """The way back under way; None for a rollout that goes forward, and where no traffic has moved."""
    if rollout.status == "aborting":
        target, title = rollout.from_revision, "Returning to"
        if target is None or rollout.generation is None:
            return None
        begun = [("Given up", "", True)]
    elif rollout.kind == RolloutKind.ROLLBACK:
        target, title = rollout.to_revision, "Rolling back to"
        begun = [_asked(rollout), _loaded(endpoint, target)]
    else:
        return None
    name = f"v{target.version.number}"
    return WayBack(f"{title} {name}", _in_turn([*begun, *_moved(rollout, endpoint, table, target)]))


def _asked(rollout: Rollout) -> tuple[str, str, bool]:
    return "Asked for", f"by {rollout.started_by_label}, {text.stamp(rollout.created_at, 'time')}", True


def _loaded(endpoint: Endpoint, target: Revision) -> tuple[str, str, bool]:
    """Whether it was seen ready at the last look, and how many of its processes were, where that is said."""
    ready = endpoint.observed.get("revisions", {}).get(str(target.pk)) == "ready" and target.status == "ready"
    count = endpoint.observed.get("processes", {}).get(str(target.pk))
    wanted = max(target.limits.get("replicas_min", 1), count or 0)
    said = "" if count is None else f"{count} of {wanted} process{'' if wanted == 1 else 'es'} ready"
    return f"v{target.version.number} loaded", said, ready


def _moved(
    rollout: Rollout, endpoint: Endpoint, table: RouteTable | None, target: Revision
) -> list[tuple[str, str, bool]]:
    """Table, router and answer. A probe is asked only after its table was read back from the router."""
    ours = table is not None and table.generation == rollout.generation
    wanted = ours and table is not None and table.stable_id == target.pk and table.canary_id is None
    probe: Mapping[str, Any] = rollout.probe or {}
    probed = wanted and probe.get("generation") == rollout.generation
    seen = (endpoint.observed.get("generation"), endpoint.observed.get("stable"))
    confirmed = probed or (wanted and seen == (rollout.generation, str(target.pk)))
    proof = "its golden answer" if (target.golden or {}).get("steady") else "its version in the answer"
    return [
        ("Traffic set", f"table {rollout.generation}, all of it" if wanted else "all of it", wanted),
        ("Router confirmed", "read back from it", confirmed),
        ("Answer verified", (probed and probe.get("why")) or proof, bool(probed and probe.get("right"))),
    ]


def _in_turn(steps: list[tuple[str, str, bool]]) -> list[Stage]:
    """What comes before a step that is done was done, whatever the last look missed; the next is the present one."""
    at = max(place for place, (_, _, done) in enumerate(steps, start=1) if done)
    states = ["done"] * at + ["now"] + ["next"] * len(steps)
    return [Stage(words, note, state) for (words, note, _), state in zip(steps, states, strict=False)]
