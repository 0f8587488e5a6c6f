"""A model's page: champion beside challenger with intervals, one metric over the versions, scan and place of each."""

import re
from collections.abc import Callable

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from portal.accounts.models import Team
from registry.evaluations.results import read_values
from registry.models import DataSetVersion, ModelVersion
from registry.selectors import by_version
from registry.services import aliases, holds
from tests import measured, world
from tests.callers import BACKEND

pytestmark = pytest.mark.django_db
Open = Callable[..., str]
PAGE = "/models/flight-delay/"


@pytest.fixture
def team(db: None) -> Team:
    return world.team()


@pytest.fixture
def versions(team: Team) -> list[ModelVersion]:
    """Four, of which the second is the champion."""
    model = world.model(where=team)
    rows = [world.version(model) for _ in range(4)]
    _champion(rows[1])
    return rows


@pytest.fixture
def data(team: Team) -> DataSetVersion:
    return world.data_version("flights", team)


@pytest.fixture
def client(team: Team) -> Client:
    client = Client()
    client.force_login(world.person("Marta", ("ml_lead", team)), backend=BACKEND)
    return client


@pytest.fixture
def page(client: Client) -> Open:
    def opened(query: str = "", status: int = 200) -> str:
        answer = client.get(f"{PAGE}{query}")
        assert answer.status_code == status, answer.content[:500]
        return re.sub(r"[ \n]+", " ", answer.content.decode())

    return opened


@transaction.atomic
def _champion(version: ModelVersion) -> None:
    aliases.note_pointed(actor=world.SYSTEM, model=version.model, alias="champion", version=version, reason="a test")


def section(html: str, name: str) -> str:
    return html.partition(f'<section class="card" id="{name}"')[2].partition("</section>")[0]


def row_of(html: str, number: int) -> str:
    """The line of one version in the table."""
    lines = section(html, "versions").partition("<tbody>")[2].split("</tr>")
    return next(line for line in lines if f"/versions/{number}/" in line)


def test_champion_and_challenger_stand_side_by_side_with_the_interval(
    versions: list[ModelVersion], data: DataSetVersion, page: Open
) -> None:
    slices = (measured.slice_of("origin = JFK", -0.08, -0.04, "worse"),)
    row = measured.evaluation(versions[3], versions[1], data, measured.results(slices=slices))
    top = section(page(), "champion")
    assert "/versions/2/" in top
    assert "/versions/4/" in top
    assert "[+0.0100, +0.0300]" in top
    assert f'href="/evaluations/{row.pk}/"' in top
    assert "2 metrics: 2 better" in top
    assert "origin = JFK is the only one shown worse" in top
    assert top.index("roc_auc") < top.index("log_loss"), "what slices are judged by comes first"


def test_what_was_not_measured_together_is_said_with_the_way_to_do_it(
    versions: list[ModelVersion], data: DataSetVersion, page: Open
) -> None:
    measured.evaluation(versions[3], None, data)
    measured.evaluation(versions[3], versions[0], data)
    top = section(page(), "champion")
    assert 'not together. <a href="/evaluations/new/?version=flight-delay:4">' in top
    assert "<table" not in top


def test_an_older_version_challenges_nobody_and_a_page_further_back_keeps_the_challenger(
    versions: list[ModelVersion], page: Open
) -> None:
    assert "/versions/4/" in section(page("?before=3"), "champion")
    assert "/versions/4/" not in section(page("?before=3"), "versions")
    _champion(versions[3])
    assert "There is no challenger" in section(page(), "champion")


def test_one_metric_over_the_versions_has_intervals_and_a_table(
    versions: list[ModelVersion], data: DataSetVersion, team: Team, page: Open
) -> None:
    measured.evaluation(versions[2], versions[1], data, measured.results(0.01, 0.03))
    measured.evaluation(versions[3], versions[1], data, measured.results(-0.04, -0.02))
    other = world.data_version("another", team)
    measured.evaluation(versions[0], None, other)
    html = page()
    drawn = section(html, "by-version")
    assert "evaluated on" in drawn
    assert "flights v1" in drawn
    assert "error_y" in drawn
    assert "0.81 to 0.83" in drawn
    assert "highest 0.82 in v3" in drawn
    assert "Better" in row_of(html, 3)
    assert "against v2" in row_of(html, 3)
    assert "Worse" in row_of(html, 4)
    assert re.search(r"\[0\.790?0?, 0\.810?0?\]", row_of(html, 2)), "the baseline's own value and interval"
    assert "not measured" in row_of(html, 1), "another test set is not comparable"
    assert "lowest 0.45" in section(page("?metric=log_loss"), "by-version")


def test_without_an_evaluation_the_logged_values_stand_without_intervals(
    versions: list[ModelVersion], page: Open
) -> None:
    html = page("?metric=log_loss")
    drawn = section(html, "by-version")
    assert "as the source runs logged it, without intervals" in drawn
    assert "error_y" not in drawn
    assert "0.49" in row_of(html, 1)
    assert "Verdict" not in section(html, "versions")


def test_a_metric_that_only_runs_logged_can_be_chosen_beside_evaluated_ones(
    versions: list[ModelVersion], data: DataSetVersion, page: Open
) -> None:
    measured.evaluation(versions[3], versions[1], data)
    world.version(versions[0].model, metrics={"val_loss": 0.25})
    html = page("?metric=val_loss")
    assert "0.25" in row_of(html, 5)
    assert "Evaluated on flights v1" in section(html, "versions")


def test_scan_and_place_of_each_version_are_said(versions: list[ModelVersion], page: Open) -> None:
    world.scanned(versions[1])
    with transaction.atomic():
        holds.hold(version=versions[1], holder="revision:x", why="loaded behind production/flight", actor=world.SYSTEM)
        holds.hold(version=versions[0], holder="promotion:1", why="asked for", actor=world.SYSTEM)
    html = page()
    assert "Clean" in row_of(html, 2)
    assert "loaded behind production/flight" in row_of(html, 2)
    assert "Not scanned" in row_of(html, 1)
    assert "asked for" not in row_of(html, 1)


def test_evaluations_on_data_of_other_teams_are_not_told(versions: list[ModelVersion], page: Open) -> None:
    hidden = world.data_version("secret-rows", world.team("other"))
    measured.evaluation(versions[3], versions[1], hidden)
    html = page()
    assert "secret-rows" not in html
    assert "Verdict" not in section(html, "versions")


def test_results_of_another_format_are_left_out_and_counted(
    versions: list[ModelVersion], data: DataSetVersion, page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured.evaluation(versions[2], versions[1], data)
    measured.evaluation(versions[3], versions[1], data)
    calls = iter([measured.unreadable, None])

    def first_fails(stored: dict[str, object]) -> object:
        failing = next(calls, None)
        return failing() if failing else read_values(stored)

    monkeypatch.setattr(by_version, "read_values", first_fails)
    html = page()
    assert "1 evaluation could not be read and is left out." in html
    assert "not measured" in row_of(html, 4)
    assert "Better" in row_of(html, 3)
    monkeypatch.setattr(by_version, "read_values", lambda stored: measured.unreadable())
    html = page()
    assert "Verdict" not in section(html, "versions"), "the logged values stand in"
    assert "0.46" in row_of(html, 4)
    assert "2 evaluations could not be read and are left out." in html


def test_states_narrow_the_list_and_an_empty_model_says_how_to_begin(
    versions: list[ModelVersion], page: Open, team: Team, client: Client
) -> None:
    assert "No version matches." in page("?status=failed")
    world.model("fresh", team)
    empty = client.get("/models/fresh/").content.decode()
    assert "No versions yet" in empty
    assert "Register a version first." in empty


def test_more_versions_take_no_more_queries(versions: list[ModelVersion], data: DataSetVersion, client: Client) -> None:
    measured.evaluation(versions[3], versions[1], data)
    client.get(PAGE)
    with CaptureQueriesContext(connection) as few:
        client.get(PAGE)
    for _ in range(6):
        measured.evaluation(world.version(versions[0].model), versions[1], data)
    with CaptureQueriesContext(connection) as many:
        client.get(PAGE)
    assert len(many) == len(few) <= 40, [query["sql"] for query in many.captured_queries]
