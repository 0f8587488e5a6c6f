"""What people change about a model: the risk tier chooses the policy, so lowering it takes somebody who decides."""

from functools import partial

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
    edit = partial(models.edit, name=model.name, description="", owner_id=None)
    assert edit(actor=priya, tier="high").tier == "high"
    with pytest.raises(NotAllowed):
        edit(actor=priya, tier="low")
    model.refresh_from_db()
    assert model.tier == "high"
    assert edit(actor=marta, tier="low").tier == "low"
