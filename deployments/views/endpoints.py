"""Endpoints: the list, a new one, the page of one with its live part, and trying it."""

from typing import Any

from django.http import HttpResponse, HttpResponseNotModified
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from deployments import charts, forms
from deployments.models import Endpoint, Environment
from deployments.policies import rollback as rollback_policy
from deployments.policies import rollback_freeze
from deployments.selectors import (
    endpoint_list,
    examples,
    history,
    measured,
    rollback_card,
    rollback_preview,
    rollout_acts,
    rollout_ended,
    serving_settings,
    shown_arms,
)
from deployments.selectors import endpoints as select
from deployments.services import endpoints, rollbacks, tries
from portal.accounts import access
from portal.accounts.acting import carry_out, partial, see_other
from portal.accounts.permissions import Permission
from portal.accounts.web import PortalRequest, signed_in
from portal.core import clock, queries
from portal.core.errors import BadInput, Unavailable

KNOWN = ("env", "model", "state", "q", "offset")
STATES = [("", "All"), ("moving", "Rolling out"), ("trouble", "Not as wanted"), ("empty", "Nothing serves")]


@require_GET
@signed_in
def listing(request: PortalRequest) -> HttpResponse:
    wanted = endpoint_list.Filter(
        environment=request.GET.get("env", ""),
        model=request.GET.get("model", ""),
        state=request.GET.get("state", ""),
        q=request.GET.get("q", ""),
    )
    found, following = endpoint_list.page(request.actor, wanted, queries.number(request.GET, "offset") or 0)
    context = {
        "found": found,
        "trouble": endpoint_list.in_trouble(request.actor, wanted.environment),
        "following": following,
        "filter": wanted,
        "unknown": queries.unknown(request.GET, KNOWN),
        "environments": Environment.objects.all(),
        "states": STATES,
        "may_ask": access.may_somewhere(request.actor, Permission.PROMOTIONS_REQUEST),
        "may_create": access.may_somewhere(request.actor, Permission.ENDPOINTS_CREATE),
    }
    name = "deployments/_endpoints.html" if partial(request) else "deployments/endpoints.html"
    response = render(request, name, context)
    response["Vary"] = "HX-Request"
    return response


@require_http_methods(["GET", "POST"])
@signed_in
def new(request: PortalRequest) -> HttpResponse:
    access.may_somewhere(request.actor, Permission.ENDPOINTS_CREATE).require()
    initial = {"environment": request.GET.get("env", ""), "model": request.GET.get("model", "")}
    form = forms.EndpointForm(request.POST or None, initial=initial)

    def act() -> str:
        found = form.cleaned_data
        row = endpoints.create(
            actor=request.actor,
            environment=found["environment"].name,
            name=found["name"],
            model=found["model"],
            description=found["description"],
        )
        return page_url(row)

    done = carry_out(request, form, act) if request.method == "POST" else None
    return done or render(request, "deployments/endpoint_new.html", {"form": form}, status=422 if form.errors else 200)


def page_url(row: Endpoint) -> str:
    return reverse("deployments:endpoint", args=[row.environment.name, row.name])


@require_GET
@signed_in
def detail(request: PortalRequest, environment: str, name: str) -> HttpResponse:
    row = endpoints.find(actor=request.actor, environment=environment, endpoint=name)
    return render(request, "deployments/endpoint.html", context_of(request, row))


def context_of(request: PortalRequest, row: Endpoint, **more: Any) -> dict[str, Any]:
    """What the page of an endpoint needs; `more` holds a form that came back, or the answer of a try."""
    kind = queries.one_of(request.GET.get("history", ""), "history", history.KINDS) or "all"
    range_ = queries.one_of(request.GET.get("range", ""), "range", measured.RANGES) or "1h"
    movements, older = history.of(row, kind, queries.number(request.GET, "before"))
    url = tries.url(row.environment.name, row.name)
    serving = row.stable.version if row.stable else None
    example = examples.payload(serving)
    now = clock.now()
    live, read = select.live(row, now), measured.read(row, range_, now)
    known = measured.lately(read)
    back = rollbacks.preview_of(row, actor=request.actor)
    return {
        "endpoint": row,
        "live": live,
        "steer": rollout_acts.steer(live.rollout, request.actor) if live.rollout else None,
        "ended": rollout_ended.of(live.taken_back) if live.taken_back else None,
        "since": shown_arms.served_since(row),
        "running": serving_settings.running(row, [arm.revision for arm in live.arms]),
        "coming": serving_settings.coming(row),
        "rollback": back,
        "trust": rollback_card.trust(back.ends, live.drills, back.seconds, read.now),
        "cold": rollback_preview.cold(back.ends),
        "good": rollback_card.good_versions(row),
        "may_release": rollback_freeze.may_release(request.actor, row.team_id),
        "may_roll_back": rollback_policy.may_roll_back(request.actor, row.team_id),
        "may_ask": access.may(request.actor, Permission.PROMOTIONS_REQUEST, row.team_id),
        "may_try": access.may(request.actor, Permission.ENDPOINTS_TRY, row.team_id),
        "may_keys": access.may(request.actor, Permission.ENDPOINTS_KEYS, row.team_id),
        "may_audit": access.may(request.actor, Permission.AUDIT_VIEW),
        "url": url,
        "infer_url": tries.infer_url(row.environment.name, row.name),
        "try_form": forms.TryForm(initial={"payload": example}),
        "own_example": examples.is_own(serving),
        "curl": examples.curl(url, example),
        "python": examples.python(url, example),
        "movements": movements,
        "older": older,
        "history": kind,
        "histories": list(history.KINDS.items()),
        "here": page_url(row),
        "measured": known,
        "by_version": shown_arms.by_version(live, known),
        "range": range_,
        "sparks": measured.figures(row, read, range_, shown_arms.identities(live)),
        "figure": charts.traffic(
            select.tables_of(row), read.now, row.previous.version.number if row.previous else None
        ),
    } | more


@require_GET
@signed_in
def live(request: PortalRequest, environment: str, name: str) -> HttpResponse:
    """The parts that change by themselves; 304 while they have not. Only another step is announced."""
    row = endpoints.find(actor=request.actor, environment=environment, endpoint=name)
    seen = request.headers.get("HX-PTag", "")
    if seen == select.live(row, clock.now()).tag:
        return HttpResponseNotModified()
    context = context_of(request, row)
    context["announce"] = context["live"].announced(seen)
    response = render(request, "deployments/_endpoint_live.html", context)
    response["HX-PTag"] = context["live"].tag
    return response


@require_http_methods(["GET", "POST"])
@signed_in
def try_it(request: PortalRequest, environment: str, name: str) -> HttpResponse:
    """One call through the gateway; its answer stands in the page."""
    row = endpoints.find(actor=request.actor, environment=environment, endpoint=name)
    if request.method == "GET":
        return see_other(f"{page_url(row)}#try")
    form = forms.TryForm(request.POST)
    more: dict[str, Any] = {"try_form": form}
    if form.is_valid():
        try:
            more["answer"] = tries.predict(
                actor=request.actor, environment=environment, endpoint=name, **form.cleaned_data
            )
        except BadInput as error:
            form.add_error("payload", error.message)
        except Unavailable as error:
            if not partial(request):
                raise
            more["away"] = error.message
    context = context_of(request, row, **more)
    template = "deployments/_try.html" if partial(request) else "deployments/endpoint.html"
    return render(request, template, context, status=422 if form.errors else 200)
