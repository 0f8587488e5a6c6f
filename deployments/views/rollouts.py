"""What people do with a rollout under way: resume at once; pause, abort and go on early with a word on why."""

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse, HttpResponseNotModified
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_http_methods

from deployments import forms
from deployments.models import Endpoint, Rollout
from deployments.policies.steering import ABORT_REASONS
from deployments.selectors import ab_page, moments, rollout_acts, shadow_page
from deployments.selectors import endpoints as select
from deployments.services import endpoints, rollouts
from deployments.states.rollout import NO_BETTER
from deployments.views.endpoints import page_url
from portal.accounts.acting import OnceForm, carry_out, partial, see_other
from portal.accounts.web import PortalRequest, signed_in
from portal.core import clock, queries
from portal.core.errors import NotFound, Refused, Stale

TITLES = {
    "pause": "Pause the rollout",
    "resume": "Resume the rollout",
    "abort": "Abort the rollout",
    "advance": "Go on early",
    "withdraw": "Withdraw going on early",
}
LATEST = 3
"""How many of the last moments are told to whoever came too late."""


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


@require_http_methods(["GET", "POST"])
@signed_in
def pause(request: PortalRequest, environment: str, name: str, number: int) -> HttpResponse:
    row, _ = _found(request, environment, name, number)
    form = forms.PauseForm(request.POST if request.method == "POST" else None)

    def act() -> str:
        rollouts.pause(actor=request.actor, number=number, reason=form.cleaned_data["reason"])
        return page_url(row)

    return _dialog(request, row, number, form, act, "pause")


@require_http_methods(["GET", "POST"])
@signed_in
def resume(request: PortalRequest, environment: str, name: str, number: int) -> HttpResponse:
    """A button without questions: POST does it, unless the rollout stands elsewhere by now; then it shows where."""
    row, _ = _found(request, environment, name, number)
    if request.method == "GET":
        return see_other(page_url(row))
    form = forms.ResumeForm(request.POST)

    def act() -> str:
        rollouts.resume(
            actor=request.actor,
            number=number,
            expect_step=form.cleaned_data["expect_step"],
            expect_pause=form.cleaned_data["expect_pause"],
        )
        return page_url(row)

    return _dialog(request, row, number, form, act, "resume")


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


@require_http_methods(["GET", "POST"])
@signed_in
def withdraw(request: PortalRequest, environment: str, name: str, number: int) -> HttpResponse:
    """A button without questions, for whoever asked to go on early."""
    row, _ = _found(request, environment, name, number)
    if request.method == "GET":
        return see_other(page_url(row))

    def act() -> str:
        rollouts.withdraw(actor=request.actor, number=number)
        return page_url(row)

    return _dialog(request, row, number, OnceForm(request.POST), act, "withdraw")


def _dialog(
    request: PortalRequest, row: Endpoint, number: int, form: OnceForm, act: Callable[[], str], what: str
) -> HttpResponse:
    """GET asks, in a dialog or on a page of its own; POST does. What is not possible by now is said with what happened
    meanwhile, beside what was typed."""
    done = carry_out(request, form, act, keeping=(Stale, Refused)) if request.method == "POST" else None
    if done is not None:
        return done
    found, part = rollouts.load(number), f"deployments/_rollout_{what}.html"
    steer = rollout_acts.steer(found, request.actor)
    if isinstance(form, forms.AdvanceForm) and steer.second and not steer.asked_by:
        form.for_two()
    context = {
        "endpoint": row,
        "form": form,
        "title": steer.give_up if what == "abort" and steer.tests else TITLES[what],
        "part": part,
        "no_better": ABORT_REASONS[NO_BETTER],
        "live": select.live(row, clock.now()),
        "steer": steer,
        "meanwhile": moments.of([found])[found.pk][-LATEST:] if form.refused else (),
    }
    template = part if partial(request) else "deployments/rollout_dialog.html"
    status = form.refused.status if form.refused else 422 if form.errors else 200
    return render(request, template, context, status=status)
