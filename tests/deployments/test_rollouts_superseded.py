"""A newer request takes the place of a rollout under way, by way of stable."""

import pytest

from portal.core import work
from portal.core.errors import NotAllowed, Refused
from tests import world
from tests.deployments.conftest import Line
from tests.deployments.rolling import Rolling

pytestmark = pytest.mark.django_db


@pytest.fixture
def rolling(line: Line) -> Rolling:
    return Rolling(line).begin()


class TestSuperseding:
    def test_a_newer_request_is_refused_unless_it_asks(self, rolling: Rolling) -> None:
        with pytest.raises(Refused) as refusal:
            rolling.ask(3)
        assert refusal.value.code == "rollout_active"

    def test_it_goes_by_way_of_stable_and_begins_as_soon_as_the_old_one_has_ended(
        self, rolling: Rolling, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        old = rolling.row
        world.grant(rolling.line.priya, "operator", rolling.line.team)
        request = rolling.ask(3, supersede=True)
        rolling.line.approve(request, rolling.line.marta)
        rolling.line.approve(request, rolling.line.daniel)
        request.refresh_from_db()
        assert request.status == "approved"
        rung: list[tuple[str, int]] = []
        monkeypatch.setattr(work, "ring", lambda name, pk: rung.append((name, pk)))
        rolling.look()
        assert rung.count(("deployments.promotion", request.pk)) == 1
        old.refresh_from_db()
        old.request.refresh_from_db()  # type: ignore[union-attr]
        assert (old.status, old.request.status) == ("aborted", "superseded")  # type: ignore[union-attr]
        assert rolling.share == 1000
        tables = [(t.stable, t.canary, t.cut) for t in rolling.line.runtime.routed]
        first = rolling.revision(1)
        assert tables[1:] == [(first, rolling.revision(2), 1000), (first, None, 0), (first, rolling.revision(3), 1000)]

    def test_only_by_those_who_may_abort(self, rolling: Rolling) -> None:
        with pytest.raises(NotAllowed):
            rolling.ask(3, supersede=True)
        assert rolling.row.status == "progressing"
