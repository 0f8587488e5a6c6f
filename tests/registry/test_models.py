"""What people change about a model: the risk tier chooses the policy, so lowering it takes somebody who decides."""

import pytest

from portal.core.errors import NotAllowed
from registry.services import models
from tests import world

pytestmark = pytest.mark.django_db


def test_a_data_scientist_raises_the_tier_and_does_not_lower_it() -> None:
    team = world.team("flights")
    model = world.model("flight-delay", team)
    priya = world.actor(world.person("Priya Nair", ("data_scientist", team)))
    marta = world.actor(world.person("Marta Kowalska", ("ml_lead", team)))
    same = {"name": model.name, "description": "", "owner_id": None}
    assert models.edit(actor=priya, tier="high", **same).tier == "high"
    with pytest.raises(NotAllowed):
        models.edit(actor=priya, tier="low", **same)
    model.refresh_from_db()
    assert model.tier == "high"
    assert models.edit(actor=marta, tier="low", **same).tier == "low"
