"""A run: what it was given, what it measured, what it left."""

from collections.abc import Iterator
from contextlib import ExitStack

from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET

from portal.accounts.web import PortalRequest, signed_in
from portal.core.errors import NotFound
from registry import charts
from registry.adapters import mlflow_rest
from registry.adapters.mlflow_rest import MlflowRefused
from registry.policies import paths
from registry.selectors.datasets import inputs_of
from registry.services import runs

MOST_CURVES = 4
MOST_VERSIONS = 5
"""As many versions that came from a run are named under its heading."""


@require_GET
@signed_in
def run(request: PortalRequest, run_id: str) -> HttpResponse:
    row = runs.find(actor=request.actor, run_id=run_id)
    curves = {name: points for name, points in row.metric_history.items() if len(points) > 1}
    shown = request.GET.getlist("metric") or sorted(curves)[:MOST_CURVES]
    versions = list(row.versions.filter(deleted_at=None).select_related("model"))
    context = {
        "run": row,
        "data": inputs_of(row),
        "versions": versions[:MOST_VERSIONS],
        "more_versions": max(0, len(versions) - MOST_VERSIONS),
        "figures": [charts.metric_curve(name, curves[name]) for name in shown if name in curves],
        "curves": sorted(curves),
        "shown": shown,
        "files": sorted(row.artifacts, key=lambda item: item["path"]),
    }
    return render(request, "registry/run.html", context)


@require_GET
@signed_in
def artifact(request: PortalRequest, run_id: str) -> StreamingHttpResponse:
    """One file of a run, as an attachment only: what people upload is never shown as a page of ours."""
    row = runs.find(actor=request.actor, run_id=run_id)
    path = paths.checked(request.GET.get("path", ""))
    known = next((item for item in row.artifacts if item["path"] == path), None)
    if known is None:
        raise NotFound("The run has no such file.")
    stack = ExitStack()
    try:
        chunks = stack.enter_context(
            mlflow_rest.client().read(f"{row.experiment.mlflow_id}/{row.run_id}/artifacts/{path}")
        )
    except MlflowRefused as error:
        raise NotFound("MLflow no longer has this file.") from error

    def body() -> Iterator[bytes]:
        with stack:
            yield from chunks

    answer = StreamingHttpResponse(body(), content_type="application/octet-stream")
    answer["Content-Disposition"] = str(content_disposition_header(True, path.rsplit("/", 1)[-1]))
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return answer
