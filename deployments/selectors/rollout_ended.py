"""The last rollout of an endpoint that was taken back: where it stopped, what was measured of it, and whether anything
is left to do by hand."""

from collections.abc import Sequence
from dataclasses import dataclass

from deployments.models import AbRun, Measurement, Rollout, RolloutKind
from deployments.selectors import ab_page, rollout_guards, rollout_seen, rollout_stages
from deployments.selectors.rollout_guards import GuardRow
from deployments.selectors.rollout_stages import Stage


@dataclass(frozen=True, slots=True)
class Ended:
    """A rollout that was aborted. `stopped_at` is the step it stood at, in words; `guards` are those of the weight that
    was `measured` last, as they stood then. `kept` is the A/B test that was decided for the champion."""

    rollout: Rollout
    stopped_at: str
    steps: Sequence[Stage] = ()
    measured: Measurement | None = None
    guards: Sequence[GuardRow] = ()
    tests: Sequence[ab_page.Test] = ()
    kept: AbRun | None = None

    @property
    def by_hand(self) -> bool:
        """Whether something did not get through: the version to a start, a rollback to its target, or the way back to
        an answer that was seen to be the champion's."""
        row = self.rollout
        if row.kind == RolloutKind.ROLLBACK:
            return True
        if row.generation is None or row.from_revision_id is None:
            return row.request is not None and row.request.status == "failed"
        probe = row.probe or {}
        return not (probe.get("right") and probe.get("generation") == row.generation)


def of(rollout: Rollout) -> Ended:
    """What its endpoint's page says of an aborted rollout."""
    stopped = rollout_stages.stopped_at(rollout)
    if rollout.kind == RolloutKind.ROLLBACK:
        return Ended(rollout, stopped)
    known = rollout_seen.seen(rollout)
    last = known.measured[max(known.measured)] if known.measured else None
    return Ended(
        rollout,
        stopped,
        rollout_stages.stages(rollout, known),
        last,
        rollout_guards.as_they_stood(rollout, last) if last else (),
        ab_page.tests_of(rollout, known.gathered.values()),
        next((run for run in known.gathered.values() if run.decision == "keep"), None),
    )
