"""Two to four versions side by side: the base, differences with intervals, other test sets, figures and slices."""

import re
from collections.abc import Callable

import pytest
from django.test import Client

from portal.accounts.models import Team
from registry.models import DataSetVersion, ModelVersion
from registry.reports import figures
from registry.selectors import compare, evaluated
from tests import measured, world
from tests.callers import BACKEND

pytestmark = pytest.mark.django_db
Open = Callable[..., str]


@pytest.fixture
def team(db: None) -> Team:
    return world.team()


@pytest.fixture
def versions(team: Team) -> list[ModelVersion]:
    model = world.model(where=team)
    return [world.version(model, params={"depth": str(n), "seed": "1"}) for n in range(4)]


@pytest.fixture
def data(team: Team) -> DataSetVersion:
    return world.data_version("flights", team)


@pytest.fixture
def page(team: Team) -> Open:
    client = Client()
    client.force_login(world.person("Marta", ("ml_lead", team)), backend=BACKEND)

    def opened(query: str, status: int = 200) -> str:
        answer = client.get(f"/models/flight-delay/compare/{query}")
        assert answer.status_code == status, answer.content[:500]
        return re.sub(r"[ \n]+", " ", answer.content.decode())

    return opened


def section(html: str, name: str) -> str:
    return html.partition(f'<section class="card" id="{name}"')[2].partition("</section>")[0]


def test_four_versions_show_differences_to_the_base_with_intervals_and_figures(
    versions: list[ModelVersion], data: DataSetVersion, page: Open
) -> None:
    slices = (measured.slice_of("origin = JFK", -0.08, -0.04, "worse"), measured.slice_of("origin = LGA", -0.01, 0.02))
    for at, version in enumerate(versions[1:]):
        found = measured.results(0.01 + at / 100, 0.03 + at / 100, slices=slices[::-1])
        measured.evaluation(version, versions[0], data, found)
    html = page("?v=1&v=2&v=3&v=4")
    table = section(html, "evaluated")
    assert "Evaluated on flights v1" in table
    for ends in ("[+0.0100, +0.0300]", "[+0.0200, +0.0400]", "[+0.0300, +0.0500]"):
        assert ends in table
    assert table.count('<svg class="ci good') == 6
    assert section(html, "slices").index("origin = JFK") < section(html, "slices").index("origin = LGA")
    drawn = section(html, "figures")
    for identity, shape in (("$champ", "square"), ("$chall", "circle"), ("$third", "diamond"), ("$fourth", "triangle")):
        assert identity in drawn
        assert shape in drawn
    assert drawn.count("Confusion of v") == 8, "a caption and a label each"


def test_the_base_can_be_switched_and_an_evaluation_the_other_way_round_is_turned(
    versions: list[ModelVersion], data: DataSetVersion, page: Open
) -> None:
    slices = (measured.slice_of("origin = JFK", -0.08, -0.04, "worse"),)
    measured.evaluation(versions[1], versions[0], data, measured.results(0.01, 0.03, slices=slices))
    html = page("?v=1&v=2")
    assert 'href="?v=2&amp;v=1">make it the base' in html
    for query in ("?v=2&v=1", "?v=1&v=2&base=2"):
        turned = page(query)
        assert "\u22120.0200</b> [\u22120.0300, \u22120.0100]" in section(turned, "evaluated")
        assert '<svg class="ci badc' in section(turned, "evaluated")
        assert not section(turned, "slices"), "slices ask for losses of the version that was evaluated"
    page("?v=1&v=2&base=3", status=400)


def test_different_test_sets_are_no_difference_but_a_warning(
    team: Team, versions: list[ModelVersion], data: DataSetVersion, page: Open
) -> None:
    other = world.data_version("another", team)
    measured.evaluation(versions[0], None, data)
    measured.evaluation(versions[1], None, other)
    measured.evaluation(versions[2], None, data)
    table = section(page("?v=1&v=2&v=3&v=4"), "evaluated")
    assert "v2: not comparable: different test sets (another v1)." in table
    assert "v3: not evaluated together with v1." in table
    assert "v4: not evaluated." in table
    assert "/evaluations/new/?version=flight-delay:2" in table
    assert "<table" not in table


def test_one_of_three_without_a_common_evaluation_says_so_beside_the_others(
    versions: list[ModelVersion], data: DataSetVersion, page: Open
) -> None:
    measured.evaluation(versions[1], versions[0], data)
    table = section(page("?v=1&v=2&v=3"), "evaluated")
    assert "[+0.0100, +0.0300]" in table
    assert "v3: not evaluated." in table


def test_results_that_cannot_be_read_spoil_their_panel_only(
    versions: list[ModelVersion], data: DataSetVersion, page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = measured.evaluation(versions[1], versions[0], data)
    monkeypatch.setattr(evaluated, "read", lambda stored: measured.unreadable())
    html = page("?v=1&v=2")
    assert "These results are of format 0" in section(html, "evaluated")
    assert "depth" in section(html, "parameters")
    assert row.status == "done"


def test_differences_only_is_the_default_and_stands_in_the_address(versions: list[ModelVersion], page: Open) -> None:
    assert "seed" not in section(page("?v=1&v=2"), "parameters")
    assert "seed" in section(page("?v=1&v=2&diff=0"), "parameters")
    assert 'href="?v=2&amp;v=1&amp;diff=0"' in page("?v=1&v=2&diff=0")


def test_fields_left_empty_do_not_count_and_wrong_numbers_are_named(versions: list[ModelVersion], page: Open) -> None:
    assert "make it the base" in page("?v=1&v=2&v=&v=")
    for wrong in ("?v=1&v=1", "?v=1&v=x", "?v=1&v=2&v=3&v=4&v=5"):
        assert "Compare two to 4 different versions" in page(wrong, status=400)
    page("?v=1&v=9", status=404)


def test_data_of_other_teams_shows_no_evaluation(team: Team, versions: list[ModelVersion], page: Open) -> None:
    hidden = world.data_version("secret-rows", world.team("other"))
    measured.evaluation(versions[1], versions[0], hidden)
    html = page("?v=1&v=2")
    assert "secret-rows" not in html
    assert "v2: not evaluated." in html


def test_inputs_and_outputs_stand_in_the_signature(versions: list[ModelVersion]) -> None:
    signature = next(one for one in compare.sections(versions[:2], {}) if one.anchor == "signature")
    assert [row.name for row in signature.rows] == ["carrier", "distance", "output late"]


@pytest.mark.parametrize(
    ("step", "x", "y"), [(True, 0.1, 0.0), (True, 0.2, 0.6), (False, 0.1, 0.3), (False, 1.0, 1.0), (False, 1.1, None)]
)
def test_a_curve_is_read_as_it_is_drawn(step: bool, x: float, y: float | None) -> None:
    assert figures.at(measured.CURVE, x, step=step) == (pytest.approx(y) if y is not None else None)


def packages(**pins: str) -> list[dict[str, str]]:
    return [
        {"name": name, "version": pin, "wanted": f"=={pin}", "source": "requirements.txt"} for name, pin in pins.items()
    ]


def test_packages_and_python_that_differ_stand_in_the_environment(versions: list[ModelVersion], page: Open) -> None:
    world.scanned(versions[0], packages=packages(python="3.11.4", numpy="2.1.0", scipy="1.14.0"))
    world.scanned(versions[1], packages=packages(python="3.12.1", numpy="2.2.0", scipy="1.14.0", polars="1.0.0"))
    part = section(page("?v=1&v=2"), "environment")
    for text in ("Python", "3.11.4", "3.12.1", "package numpy", "2.1.0", "2.2.0", "package polars"):
        assert text in part
    assert "scipy" not in part
    assert "package scipy" in section(page("?v=1&v=2&diff=0"), "environment")
    assert part.index("Python") < part.index("package numpy")


def test_packages_nobody_has_read_are_no_difference_but_said(versions: list[ModelVersion], page: Open) -> None:
    world.scanned(versions[0], packages=packages(numpy="2.1.0"))
    world.scanned(versions[1])
    part = section(page("?v=1&v=2&v=3"), "environment")
    assert "The packages of v2, v3 are not known" in part
    assert "package numpy" not in part
    assert "package numpy" in section(page("?v=1&v=2&diff=0"), "environment")
