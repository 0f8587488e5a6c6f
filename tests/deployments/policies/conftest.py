from dataclasses import dataclass
from typing import Any

import pytest

from deployments.models import PolicyVersion
from deployments.selectors import policies as select
from deployments.services import policies
from portal.accounts.models import Person
from tests import world
from tests.deployments.conftest import Line


@dataclass
class Office:
    """Two administrators, who change the policy of production between them."""

    alex: Person
    rosa: Person

    @property
    def held(self) -> PolicyVersion:
        return select.in_force(world.production().pk)

    def draft(self, by: Person | None = None, tier: str = "", **rules: Any) -> PolicyVersion:
        content = self.held.content | rules
        return policies.draft(actor=world.actor(by or self.alex), environment="production", tier=tier, rules=content)

    def retire(self, tier: str = "high", by: Person | None = None) -> PolicyVersion:
        return policies.retire(
            actor=world.actor(by or self.alex), environment="production", tier=tier, why="Too strict."
        )

    def propose(self, row: PolicyVersion, by: Person | None = None) -> PolicyVersion:
        return policies.propose(actor=world.actor(by or self.alex), change_id=row.pk, seen=row.digest)

    def approve(self, row: PolicyVersion, by: Person | None = None) -> PolicyVersion:
        actor = world.actor(by or self.rosa)
        world.step_up(actor, policies.binding(row.pk, row.digest))
        return policies.approve(actor=actor, change_id=row.pk, seen=row.digest)

    def put_in_force(self, tier: str = "", **rules: Any) -> PolicyVersion:
        return self.approve(self.propose(self.draft(tier=tier, **rules)))


@pytest.fixture
def office(line: Line) -> Office:
    return Office(
        world.person("Alex Admin", ("administrator", None)), world.person("Rosa Admin", ("administrator", None))
    )
