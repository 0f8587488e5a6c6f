"""What people do with a rollout under way: pause and resume at once, abort and going on early with a reason."""

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse, HttpResponseNotModified
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_http_methods

from deployments import forms
from deployments.models import Endpoint, Rollout
from deployments.policies.steering import ABORT_REASONS, NO_BETTER
from deployments.selectors import ab_page, rollout_acts, shadow_page
from deployments.selectors import endpoints as select
from deployments.services import endpoints, rollouts
from deployments.views.endpoints import page_url
from portal.accounts.acting import OnceForm, carry_out, partial, see_other
from portal.accounts.web import PortalRequest, signed_in
from portal.core import clock, queries
from portal.core.errors import NotFound


def _found(request: PortalRequest, environment: str, name: str, number: int) -> tuple[Endpoint, Rollout]:
    """The endpoint and its rollout of this number, as far as the reader may see them."""
    row = endpoints.find(actor=request.actor, environment=environment, endpoint=name)
    found = rollouts.find(actor=request.actor, number=number)
    if found.endpoint_id != row.pk:
        raise NotFound(endpoints.MISSING)
    return row, found


@require_GET
@signed_in
def shadow(request: PortalRequest, environment: str, name: str, number: int) -> HttpResponse:
    """What the rollout's shadow has shown; as a live region 304 while nothing changed."""
    row, found = _found(request, environment, name, number)
    return _report(request, "shadow", {"endpoint": row, "rollout": found, "page": shadow_page.of(found)})


@require_GET
@signed_in
def ab_test(request: PortalRequest, environment: str, name: str, number: int) -> HttpResponse:
    """What an A/B test of the rollout has shown, the newest unless `?step=` names one, and the decision on it; as a
    live region 304 while nothing changed."""
    row, found = _found(request, environment, name, number)
    page, steer = ab_page.of(found, queries.number(request.GET, "step")), rollout_acts.steer(found, request.actor)
    return _report(request, "ab_test", {"endpoint": row, "rollout": found, "page": page, "steer": steer})


def _report(request: PortalRequest, what: str, context: dict[str, Any]) -> HttpResponse:
    """A page that refreshes itself, or only the part that does: 304 while its tag is still the one that was sent."""
    tag, part = context["page"].tag, partial(request)
    if part and request.headers.get("HX-PTag") == tag:
        return HttpResponseNotModified()
    response = render(request, f"deployments/{'_' if part else 'rollout_'}{what}.html", context)
    response["Vary"] = "HX-Request"
    if part:
        response["HX-PTag"] = tag
    return response


def _at_once(request: PortalRequest, environment: str, name: str, number: int, act: Callable[[], Any]) -> HttpResponse:
    """A button without questions: POST does it, and both lead to the endpoint's page."""
    row, _ = _found(request, environment, name, number)
    if request.method == "GET":
        return see_other(page_url(row))

    def then() -> str:
        act()
        return page_url(row)

    return carry_out(request, OnceForm(request.POST), then) or see_other(page_url(row))


@require_http_methods(["GET", "POST"])
@signed_in
def pause(request: PortalRequest, environment: str, name: str, number: int) -> HttpResponse:
    return _at_once(request, environment, name, number, lambda: rollouts.pause(actor=request.actor, number=number))


@require_http_methods(["GET", "POST"])
@signed_in
def resume(request: PortalRequest, environment: str, name: str, number: int) -> HttpResponse:
    return _at_once(request, environment, name, number, lambda: rollouts.resume(actor=request.actor, number=number))


@require_http_methods(["GET", "POST"])
@signed_in
def abort(request: PortalRequest, environment: str, name: str, number: int) -> HttpResponse:
    row, _ = _found(request, environment, name, number)
    form = forms.AbortForm(request.POST or None)

    def act() -> str:
        found = form.cleaned_data
        rollouts.abort(actor=request.actor, number=number, reason_code=found["reason_code"], note=found["note"])
        return page_url(row)

    return _dialog(request, row, number, form, act, "abort")


@require_http_methods(["GET", "POST"])
@signed_in
def advance(request: PortalRequest, environment: str, name: str, number: int) -> HttpResponse:
    row, found = _found(request, environment, name, number)
    form = forms.AdvanceForm(request.POST or None, initial={"expect_step": found.step})

    def act() -> str:
        sent = form.cleaned_data
        rollouts.advance(actor=request.actor, number=number, reason=sent["reason"], expect_step=sent["expect_step"])
        return page_url(row)

    return _dialog(request, row, number, form, act, "advance")


def _dialog(
    request: PortalRequest, row: Endpoint, number: int, form: OnceForm, act: Callable[[], str], what: str
) -> HttpResponse:
    """GET asks, in a dialog or on a page of its own; POST does."""
    done = carry_out(request, form, act) if request.method == "POST" else None
    if done is not None:
        return done
    found = rollouts.load(number)
    context = {
        "endpoint": row,
        "form": form,
        "what": what,
        "no_better": ABORT_REASONS[NO_BETTER],
        "live": select.live(row, clock.now()),
        "steer": rollout_acts.steer(found, request.actor),
    }
    template = f"deployments/_rollout_{what}.html" if partial(request) else "deployments/rollout_dialog.html"
    return render(request, template, context, status=422 if form.errors else 200)
