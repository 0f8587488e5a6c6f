"""What Prometheus scrapes: a page any strict reader takes, HAProxy's own, and no way to anything else."""

import re
from dataclasses import replace
from typing import Any

import httpx

from serving import exposition
from serving.contract import RevisionSpec
from serving.measures import Counts
from tests.serving.plane import Plane
from tests.serving.zoo import Zoo, body

SPEC = RevisionSpec("r-1", "production", "flights", "late", 3, 3, "/store", "sha256:" + "0" * 64)
SAMPLE = re.compile(r'([a-z_]+)\{((?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)+)\} ([0-9.e+-]+|\+Inf)')
LABEL = re.compile(r'([a-z]+)="((?:[^"\\]|\\.)*)"')


def read(text: str) -> dict[str, list[tuple[dict[str, str], float]]]:
    """Samples by name. Anything that is no sample, no help and no type fails the test."""
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    assert text.endswith("\n")
    for line in text.splitlines():
        if line.startswith(("# HELP ", "# TYPE ")):
            continue
        sample = SAMPLE.fullmatch(line)
        assert sample, line
        found.setdefault(sample[1], []).append((dict(LABEL.findall(sample[2])), float(sample[3])))
    return found


def test_every_measure_has_its_family_with_help_and_type() -> None:
    counts = Counts("r-1", "e")
    counts.answered("stable", 0.3, "a")
    counts.answered("stable", 0.3, 'b"\\\n')
    counts.answered("canary", 7.0, "a")
    counts.failed("canary", "busy")
    text = exposition.text([(SPEC, 0, counts.read(2**31, 1500.0))])
    found = read(text)
    arms = {labels["arm"]: value for labels, value in found["signalbox_revision_requests_total"]}
    assert arms == {"stable": 2, "canary": 2}
    assert [value for _, value in found["signalbox_revision_errors_total"]] == [1]
    assert found["signalbox_revision_busy_seconds_total"][0][1] == 1.5
    assert found["signalbox_revision_peak_memory_bytes"][0][1] == 2**31
    labels = {labels["label"]: value for labels, value in found["signalbox_revision_answers_total"]}
    assert labels == {"a": 2, r"b\"\\\n": 1}
    assert found["signalbox_revision_errors_total"][0][0] == {
        "environment": "production",
        "endpoint": "flights",
        "model": "late",
        "version": "3",
        "revision": "r-1",
        "replica": "0",
    }
    for name, kind, *_ in exposition.FAMILIES:
        assert f"# TYPE signalbox_revision_{name} {kind}\n" in text
        assert text.count(f"# HELP signalbox_revision_{name} ") == 1


def test_the_histogram_is_cumulative_and_ends_in_everything() -> None:
    counts = Counts("r-1", "e")
    for latency in (0.1, 0.3, 7.0, 60_000.0):
        counts.answered("stable", latency)
    found = read(exposition.text([(SPEC, 0, counts.read(0, 0.0))]))
    buckets = [(labels["le"], value) for labels, value in found["signalbox_revision_latency_seconds_bucket"]]
    values = [value for _, value in buckets]
    assert values == sorted(values)
    assert (buckets[0][1], buckets[-1]) == (1, ("+Inf", 4))
    assert 20 < len(buckets) < 40
    assert {value for edge, value in buckets if 0.0075 <= float(edge) <= 30} == {3}
    assert found["signalbox_revision_latency_seconds_count"][0][1] == 4


def test_samples_of_one_family_stand_together() -> None:
    measured = Counts("r-1", "e").read(0, 0.0)
    text = exposition.text([(SPEC, 0, measured), (replace(SPEC, id="r-2"), 1, replace(measured, revision="r-2"))])
    lines = [line.split("{")[0] for line in text.splitlines() if "errors_total{" in line]
    assert len(lines) == 2
    first = text.index("errors_total{")
    assert "# " not in text[first : text.rindex("errors_total{")]


def test_prometheus_reads_router_and_revisions_and_nothing_else(plane: Plane, endpoint: str, models: Zoo) -> None:
    plane.load(endpoint, models.double.spec(endpoint))
    plane.route(endpoint, 1, endpoint)
    assert plane.ask(endpoint, body({"x": 1.0})).status_code == 200
    with httpx.Client(base_url=f"http://{plane.settings.metrics_bind}", trust_env=False) as scraper:
        router = scraper.get("/metrics")
        assert "haproxy_frontend_http_requests_total" in router.text
        revisions = scraper.get("/metrics/revisions")
        assert revisions.headers["content-type"] == exposition.MEDIA_TYPE
        found: Any = read(revisions.text)["signalbox_revision_requests_total"]
        assert [value for labels, value in found if labels["endpoint"] == endpoint] == [1]
        assert scraper.get("/status").status_code == 404
        assert scraper.put("/metrics/revisions", json={}).status_code == 405
    assert plane.gateway.get("/metrics").json()["code"] == "endpoint_unknown"
