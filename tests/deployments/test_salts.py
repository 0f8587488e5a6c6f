"""Whom a rollout tries the new version on: the same units under all of its weights, and others in the next rollout."""

from typing import Any

import pytest

from deployments.models import Endpoint, Rollout
from deployments.reconcilers.rollouts import table_spec
from serving.contract import arm_of
from tests.deployments.conftest import Line
from tests.deployments.rolling import Rolling

pytestmark = pytest.mark.django_db
UNITS = [f"unit {number}" for number in range(10_000)]
RISING: list[dict[str, Any]] = [
    {"do": "weight", "weight": 1000},
    {"do": "pause", "until": {"seconds": 5}},
    {"do": "weight", "weight": 2000},
    {"do": "pause", "until": {"seconds": 5}},
    {"do": "switch"},
]


def tried_on(row: Rollout) -> dict[int, set[str]]:
    """The units in the canary under each weight, as the runtime was told."""
    found = {}
    for table in row.route_tables.filter(canary__isnull=False).select_related("endpoint__environment", "rollout"):
        spec = table_spec(table)
        found[table.canary_weight] = {unit for unit in UNITS if arm_of(unit, spec) == "canary"}
    return found


def whole(rolling: Rolling) -> Rollout:
    """The rollout, carried out to its end."""
    for _ in range(4):
        rolling.look(30)
    return rolling.row


def test_raising_the_weight_moves_only_the_extra_units_and_the_next_rollout_draws_others(line: Line) -> None:
    rolling = Rolling(line, RISING).begin(2)
    first = whole(rolling)
    second = whole(rolling.begin(3))
    assert (first.status, second.status, first.pk != second.pk) == ("completed", "completed", True)
    earlier, later = tried_on(first), tried_on(second)
    for tried in (earlier, later):
        assert tried[1000] < tried[2000]
        assert 900 < len(tried[1000]) < 1100
    both = len(earlier[2000] & later[2000])
    assert 200 < both < 600, "by chance a fifth of a fifth of 10,000 are in both"


def test_a_rollout_that_began_under_the_endpoints_salt_keeps_it(line: Line) -> None:
    rolling = Rolling(line, RISING).begin(2)
    row, endpoint = rolling.row, Endpoint.objects.get()
    own = table_spec(row.route_tables.select_related("rollout").latest("generation"))
    assert own.salt == row.salt != endpoint.salt
    row.salt = ""
    table = row.route_tables.latest("generation")
    table.rollout = row
    assert table_spec(table).salt == endpoint.salt
