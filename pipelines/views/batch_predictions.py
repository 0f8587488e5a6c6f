"""Pages of batch predictions: list, request, one with its progress and its file."""

from typing import Any

from django.core.paginator import Paginator
from django.http import FileResponse, HttpResponse, HttpResponseNotModified
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from pipelines import charts
from pipelines.forms import BatchPredictionForm
from pipelines.policies import batch as rules
from pipelines.selectors import choices
from pipelines.services import batch_predictions as asking
from portal.accounts import access
from portal.accounts.acting import carry_out, partial, see_other
from portal.accounts.permissions import Permission
from portal.accounts.web import PortalRequest, signed_in
from registry.models import BatchPrediction
from registry.selectors import batch_predictions as read
from registry.selectors.asked import Filter, filter_of
from registry.services import batch_predictions, datasets, versions
from registry.states.batch_prediction import MACHINE

ON_A_PAGE = 50
MOVING = ("queued", "running")
PARQUET = "application/vnd.apache.parquet"


@require_GET
@signed_in
def listing(request: PortalRequest) -> HttpResponse:
    wanted = filter_of(request.GET, MACHINE.names)
    context = {
        "page": Paginator(read.listing(request.actor, wanted), ON_A_PAGE).get_page(request.GET.get("page")),
        "filter": wanted,
        "states": MACHINE.choices,
        "any": read.listing(request.actor, Filter()).exists(),
        "may_run": access.may_somewhere(request.actor, Permission.BATCH_PREDICTIONS_RUN).allowed,
    }
    return render(request, "pipelines/batch_predictions.html", context)


@require_http_methods(["GET", "POST"])
@signed_in
def new(request: PortalRequest) -> HttpResponse:
    """Ask for a batch prediction. Without a version and data in the address, both are chosen first."""
    found = choices.named(request.actor, request.GET.dict())
    if found is None:
        return _choose(request)
    version, data = found
    row = versions.find(actor=request.actor, model=version[0], number=version[1])
    source = datasets.find_version(actor=request.actor, name=data[0], number=data[1])
    access.require(request.actor, Permission.BATCH_PREDICTIONS_RUN, row.model.team_id)
    columns = [column["name"] for column in source.columns]
    sent = request.POST if request.method == "POST" else None
    form = BatchPredictionForm(
        sent,
        keepable=rules.keepable(columns),
        inputs=[] if rules.takes_columns(row.signature) else columns,
        targets=choices.fillable(request.actor),
    )

    def act() -> str:
        wish = {name: form.cleaned_data[name] for name in ("keep", "inputs", "into") if name in form.cleaned_data}
        made = asking.request(
            actor=request.actor,
            model=row.model.name,
            version=row.number,
            data_set=source.data_set.name,
            data_version=source.number,
            **wish,
        )
        return reverse("pipelines:batch_prediction", args=[made.pk])

    done = carry_out(request, form, act) if sent is not None else None
    context = {
        "form": form,
        "version": row,
        "data": source,
        "lacking": rules.lacking(columns, row.signature),
        "serving": asking.serving(request.actor, row),
    }
    return done or render(request, "pipelines/batch_prediction_new.html", context, status=422 if form.errors else 200)


def _choose(request: PortalRequest) -> HttpResponse:
    context = choices.offered(request.actor, request.GET.dict()) | {
        "title": "Predict a whole data set",
        "list_words": "Batch predictions",
        "list_url": reverse("pipelines:batch_predictions"),
        "here": request.path,
    }
    return render(request, "pipelines/choose.html", context)


@require_GET
@signed_in
def one(request: PortalRequest, number: int) -> HttpResponse:
    """The page, or for a poll the part that says how far it is; once it has ended, the page is loaded anew."""
    row = batch_predictions.find(actor=request.actor, number=number)
    context = _state(request, row)
    if partial(request):
        if request.headers.get("HX-PTag") == context["tag"]:
            return HttpResponseNotModified()
        if not context["seconds"]:
            return HttpResponse(headers={"HX-Refresh": "true"})
        response = render(request, "pipelines/_batch_state.html", context)
        response["HX-PTag"] = context["tag"]
        return response
    context |= {"figure": charts.answers(row.summary), "first": _first(row), "log": read.log_of(row)}
    return render(request, "pipelines/batch_prediction.html", context)


def _state(request: PortalRequest, row: BatchPrediction) -> dict[str, Any]:
    job = read.job_of(row)
    tag = f"{row.status}-{job.progress_done if job else 0}-{job.progress_note if job else ''}"
    return {
        "batch": row,
        "job": job,
        "tag": tag.replace(" ", "-"),
        "seconds": 2 if row.status in MOVING else 0,
        "may_run": access.may(request.actor, Permission.BATCH_PREDICTIONS_RUN, row.version.model.team_id),
    }


def _first(row: BatchPrediction) -> list[list[Any]]:
    """The first rows of the file, with numbers as short as people read them."""
    rows = row.summary.get("first", [])
    return [[f"{value:.6g}" if isinstance(value, float) else value for value in one] for one in rows]


@require_GET
@signed_in
def file(request: PortalRequest, number: int) -> FileResponse:
    """The file, as an attachment; taking it is recorded."""
    row, path = batch_predictions.take(actor=request.actor, number=number)
    name = f"batch-prediction-{row.pk}.parquet"
    return FileResponse(path.open("rb"), as_attachment=True, filename=name, content_type=PARQUET)


@require_POST
@signed_in
def cancel(request: PortalRequest, number: int) -> HttpResponse:
    batch_predictions.cancel(actor=request.actor, number=number)
    return see_other(reverse("pipelines:batch_prediction", args=[number]))


@require_POST
@signed_in
def resume(request: PortalRequest, number: int) -> HttpResponse:
    batch_predictions.resume(actor=request.actor, number=number)
    return see_other(reverse("pipelines:batch_prediction", args=[number]))
