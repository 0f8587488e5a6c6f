"""What a request's page shows of its evidence: gates, metrics with intervals, figures, slices, and their absence."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from django.template.loader import render_to_string
from django.test.utils import CaptureQueriesContext

from deployments.models import PromotionRequest
from deployments.policies import evidence
from deployments.selectors import pinned, proof
from deployments.services import promotions
from registry.models import DataSetVersion, Evaluation, ModelVersion
from tests import measured, world
from tests.deployments.conftest import Line
from tests.deployments.pages.conftest import Browser

pytestmark = pytest.mark.django_db
Open = Callable[..., Browser]
GATES = {"quality": {"metric": "roc_auc", "margin": 0.01, "data": "flights"}, "slices": {"data": "flights"}}
LOSSES = (measured.slice_of("origin = JFK", -0.08, -0.04, "worse"), measured.slice_of("origin = LGA", 0.0, 0.02))


@pytest.fixture
def data(line: Line) -> DataSetVersion:
    return world.data_version("flights", line.team)


@pytest.fixture
def champion(line: Line) -> ModelVersion:
    """Version 1 serves; from now on production asks for quality and slices."""
    line.promote(1)
    world.production(gates=GATES)
    return line.model.versions.get(number=1)


@pytest.fixture
def asked(line: Line, champion: ModelVersion, data: DataSetVersion) -> PromotionRequest:
    """Version 2, better on average and worse at one airport."""
    measured.evaluation(line.model.versions.get(number=2), champion, data, measured.results(slices=LOSSES))
    return line.submit(2)


def page_of(line: Line, browser: Open, row: PromotionRequest) -> str:
    return re.sub(r"[ \n]+", " ", browser(line.marta).open(f"/promotions/{row.pk}/"))


def section(page: str, name: str) -> str:
    return page.partition(f'<section class="card" id="{name}"')[2].partition("</section>")[0]


def test_gates_stand_worst_first_with_interval_limit_and_proof(
    line: Line, browser: Open, asked: PromotionRequest
) -> None:
    page = page_of(line, browser, asked)
    gates, number = section(page, "gates"), Evaluation.objects.get().pk
    assert "1 fail" in gates
    assert "4 pass" in gates
    assert gates.index("Worst slice") < gates.index("Quality against the champion")
    assert f'<a href="/evaluations/{number}/">evaluation {number}</a>' in gates
    assert "[+0.0100, +0.0300], n 25\u202f000" in gates
    assert "worst \u22120.0600 [\u22120.0800, \u22120.0400]" in gates
    assert "roc_auc at most 0.01 worse" in gates
    assert '<a href="/data-sets/flights/versions/1/">flights v1</a>' in gates
    assert asked.evidence_digest.removeprefix("sha256:")[:6] in gates
    assert 'Gates <span class="count">4/5</span>' in page


def test_metrics_figures_and_slices_come_from_the_pinned_evaluation(
    line: Line, browser: Open, asked: PromotionRequest
) -> None:
    page = page_of(line, browser, asked)
    metrics = section(page, "metrics")
    assert "Metrics against the champion" in metrics
    assert "25\u202f000 rows, 95\u202f% paired bootstrap, 1\u202f000 resamples" in metrics
    assert "[+0.0100, +0.0300]" in metrics
    assert "point values" not in metrics
    for title in ("Precision and recall", "ROC curve", "Calibration error by score"):
        assert f"<b>{title}</b>" in metrics
    assert metrics.count("Data table") == 3
    assert "Confusion of v1" in metrics
    assert "Confusion of v2" in metrics
    slices = section(page, "slices")
    assert slices.index("All rows") < slices.index("origin = JFK") < slices.index("origin = LGA")
    assert "2 slices tested; corrected by Holm. origin = JFK is the only one shown worse." in slices
    assert f'href="/evaluations/{Evaluation.objects.get().pk}/#slices">The 2 on record' in slices


def test_a_metric_that_is_worse_stands_out_by_a_mark_and_a_word(
    line: Line, champion: ModelVersion, data: DataSetVersion, browser: Open
) -> None:
    found = measured.results()
    worse = {"roc_auc": replace(found.comparison["roc_auc"], difference=-0.02, low=-0.03, high=-0.01, reading="worse")}
    lost = replace(found, comparison={**found.comparison, **worse})
    measured.evaluation(line.model.versions.get(number=2), champion, data, lost)
    metrics = section(page_of(line, browser, line.submit(2)), "metrics")
    line_of = next(part for part in metrics.split("<tr")[1:] if "roc_auc" in part)
    assert line_of.startswith(' class="fail"')
    assert re.search(r'<span class="badge bad[^>]*>.*?</svg>.*?Worse</span>', line_of)


def test_logged_values_that_are_worse_have_the_word_too(line: Line, browser: Open, champion: ModelVersion) -> None:
    row = line.submit(2)
    metrics = [{"name": "auc", "champion": 0.9, "value": 0.8, "difference": -0.1, "better": "higher"}]
    metrics += [{"name": "loss", "champion": 0.9, "value": 0.8, "difference": -0.1, "better": "lower"}]
    metrics += [{"name": "odd", "champion": 0.9, "value": 0.8, "difference": -0.1, "better": ""}]
    shown = render_to_string("deployments/_metrics.html", {"evidence": row.evidence | {"metrics": metrics}})
    lines = dict(zip(("auc", "loss", "odd"), shown.split("<tr")[2:], strict=True))
    assert [name for name, part in lines.items() if "Worse" in part] == ["auc"]
    assert 'class="attn"' in lines["auc"]


def test_a_legend_says_what_the_marks_are(line: Line, browser: Open, asked: PromotionRequest) -> None:
    changes = section(page_of(line, browser, asked), "changes")
    assert '<span class="ver champ">champion</span>' in changes
    assert '<span class="ver chall">challenger</span>' in changes


def test_without_an_evaluation_the_page_says_how_to_get_one(line: Line, browser: Open) -> None:
    line.promote(1)
    page = page_of(line, browser, line.submit(2))
    assert "point values of the source runs, no intervals" in section(page, "metrics")
    assert "Rests on no evaluation." in section(page, "gates")
    assert '<a href="/evaluations/new/?version=flight-delay:2">' in section(page, "slices")
    assert "not yet: no rollback from one champion to another, and no drill" in page


@pytest.mark.parametrize(("status", "says"), [("running", "Its numbers stand"), ("failed", "It ran out of memory.")])
def test_an_evaluation_without_results_is_named(
    line: Line, champion: ModelVersion, data: DataSetVersion, browser: Open, status: str, says: str
) -> None:
    version = line.model.versions.get(number=2)
    row = measured.evaluation(version, champion, data, status=status, status_note="It ran out of memory.")
    page = page_of(line, browser, line.submit(2))
    assert f"Evaluation {row.pk} is {status}." in page
    assert says in page
    assert "point values of the source runs" in page


def test_results_that_cannot_be_read_or_changed_are_said(line: Line, asked: PromotionRequest, browser: Open) -> None:
    broken = asked.evidence | {"evaluations": [asked.evidence["evaluations"][0] | {"digest": "sha256:other"}]}
    assert pinned.of(broken).changed
    assert not pinned.of(asked.evidence).changed
    assert pinned.of(asked.evidence | {"evaluations": [{"number": 10**9, "digest": ""}]}).problem
    Evaluation.objects.all()._raw_delete("default")
    assert "no longer on record" in page_of(line, browser, asked)


def test_the_quality_gates_evaluation_comes_first_and_the_others_are_linked(
    line: Line, champion: ModelVersion, data: DataSetVersion, browser: Open
) -> None:
    other = world.data_version("another", line.team)
    world.production(gates=GATES | {"slices": {"data": "another"}})
    version = line.model.versions.get(number=2)
    elsewhere = measured.evaluation(version, champion, other, measured.results(slices=LOSSES))
    judged = measured.evaluation(version, champion, data)
    page = page_of(line, browser, line.submit(2))
    assert "flights v1" in section(page, "metrics")
    assert section(page, "gates").index(f"/evaluations/{judged.pk}/") > 0
    assert f'by <a href="/evaluations/{elsewhere.pk}/">' in section(page, "gates")
    assert f"Evaluation {judged.pk} looked at no slices." in page


def test_a_threshold_that_was_logged_and_inputs_that_come_stand_among_the_changes() -> None:
    def version(number: int, threshold: str | None, *names: str) -> dict[str, Any]:
        inputs = [{"name": name, "type": "double", "required": name != "age"} for name in names]
        params = {"threshold": threshold} if threshold else {}
        return {"number": number, "digest": "sha256:" + "0" * 64, "signature": {"inputs": inputs}, "params": params}

    endpoint = {"name": "here", "alias": ""}
    rows = evidence.changes(version(2, "0.41", "distance", "age"), version(1, "0.37", "distance"), endpoint)
    found = {row["label"]: (row["was"], row["now"], row["note"]) for row in rows}
    assert found["Decision threshold"][:2] == ("0.37", "0.41")
    assert found["Inputs"] == ("1 features", "2 features", "+ age, optional")
    same = evidence.changes(version(2, "0.4", "distance"), version(1, "0.4", "distance"), endpoint)
    assert not {"Decision threshold", "Inputs"} & {row["label"] for row in same}


def test_a_link_is_named_after_what_it_leads_to() -> None:
    version = {"model": "m", "number": 3}
    assert proof.proof({"code": "quality", "link": "/evaluations/7/"}, version) == ("evaluation 7", "/evaluations/7/")
    new = "/evaluations/new/?version=m:3"
    assert proof.proof({"code": "quality", "link": new}, version) == ("Ask for one", new)
    assert proof.proof({"code": "signature"}, version) == ("signature of v3", "/models/m/versions/3/#signature")
    assert proof.proof({"code": "window"}, version) is None


def test_two_hundred_evaluations_cost_no_question_more(
    line: Line, champion: ModelVersion, data: DataSetVersion, browser: Open
) -> None:
    version = line.model.versions.get(number=2)
    measured.evaluation(version, champion, data)
    row, marta = line.submit(2), browser(line.marta)

    def costs() -> tuple[int, int]:
        promotions.settle(row.pk)
        marta.open(f"/promotions/{row.pk}/")
        with CaptureQueriesContext(connection) as page:
            marta.open(f"/promotions/{row.pk}/")
        with CaptureQueriesContext(connection) as asked:
            promotions.preview(actor=world.actor(line.marta), model="flight-delay", version=2, environment="production")
        loaded = [query["sql"] for query in (*page, *asked) if '"results"' in query["sql"].partition(" FROM ")[0]]
        assert all("LIMIT" in sql or " = " in sql.partition("WHERE")[2] for sql in loaded), loaded
        return len(page.captured_queries), len(asked.captured_queries)

    few = costs()
    for _ in range(199):
        measured.evaluation(version, champion, data)
    assert costs() == few
    assert few[0] <= 40
