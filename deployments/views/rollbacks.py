"""The way back: one dialog or page, one coded reason, done; its rehearsal, other versions, and what it froze."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_http_methods

from deployments import forms
from deployments.policies import asking, rollback_freeze
from deployments.selectors import people, rollback_card
from deployments.services import drills, endpoints, rollback_freezes, rollbacks
from deployments.views.endpoints import page_url
from portal.accounts.acting import OnceForm, carry_out, partial, see_other
from portal.accounts.web import PortalRequest, signed_in


@require_http_methods(["GET", "POST"])
@signed_in
def roll_back(request: PortalRequest, environment: str, name: str) -> HttpResponse:
    found = rollbacks.preview(actor=request.actor, environment=environment, endpoint=name)
    form = forms.RollbackForm(request.POST or None, initial={"expect_generation": found.expect_generation})

    def act() -> str:
        rollbacks.roll_back(
            actor=request.actor,
            environment=environment,
            endpoint=name,
            reason_code=form.cleaned_data["reason_code"],
            note=form.cleaned_data["note"],
            expect_generation=form.cleaned_data["expect_generation"],
        )
        return page_url(found.endpoint)

    done = carry_out(request, form, act) if request.method == "POST" else None
    template = "deployments/_rollback.html" if partial(request) else "deployments/rollback.html"
    may_ask = asking.may_submit(request.actor, found.endpoint.team_id)
    context = {"rollback": found, "endpoint": found.endpoint, "form": form, "may_ask": may_ask}
    return done or render(request, template, context, status=422 if form.errors else 200)


@require_GET
@signed_in
def versions(request: PortalRequest, environment: str, name: str) -> HttpResponse:
    """The versions that served here and were not taken back, each with the way to it."""
    row = endpoints.find(actor=request.actor, environment=environment, endpoint=name)
    context = {
        "endpoint": row,
        "good": rollback_card.good_versions(row),
        "may_ask": asking.may_submit(request.actor, row.team_id),
        "needs": people.needed(row),
    }
    return render(request, "deployments/rollback_versions.html", context)


@require_http_methods(["GET", "POST"])
@signed_in
def rehearse(request: PortalRequest, environment: str, name: str) -> HttpResponse:
    """A button without questions: POST asks for a drill, and both lead to the endpoint's page."""
    row = endpoints.find(actor=request.actor, environment=environment, endpoint=name)
    there = f"{page_url(row)}#rollback"

    def act() -> str:
        drills.ask(actor=request.actor, environment=environment, endpoint=name)
        return there

    done = carry_out(request, OnceForm(request.POST), act) if request.method == "POST" else None
    return done or see_other(there)


@require_http_methods(["GET", "POST"])
@signed_in
def release(request: PortalRequest, environment: str, name: str) -> HttpResponse:
    """GET asks for a reason, in a dialog or on a page of its own; POST lets programs promote again."""
    row = endpoints.find(actor=request.actor, environment=environment, endpoint=name)
    form = forms.ReleaseForm(request.POST or None)

    def act() -> str:
        rollback_freezes.release(
            actor=request.actor, environment=environment, endpoint=name, reason=form.cleaned_data["reason"]
        )
        return page_url(row)

    done = carry_out(request, form, act) if request.method == "POST" else None
    context = {"endpoint": row, "form": form, "may": rollback_freeze.may_release(request.actor, row.team_id)}
    template = "deployments/_release.html" if partial(request) else "deployments/release.html"
    return done or render(request, template, context, status=422 if form.errors else 200)
