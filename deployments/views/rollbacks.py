"""The way back: one dialog or page, one coded reason, done."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from deployments import forms
from deployments.services import rollbacks
from deployments.views.endpoints import page_url
from portal.accounts.acting import carry_out, partial
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
    context = {"rollback": found, "endpoint": found.endpoint, "form": form}
    return done or render(request, template, context, status=422 if form.errors else 200)
