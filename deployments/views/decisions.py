"""Deciding on a request. Approving takes two steps: the decision, then a second look at the person who signs."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from deployments import forms
from deployments.policies import conditions
from deployments.policies.conditions import Condition
from deployments.selectors import plan_page
from deployments.selectors import promotions as select
from deployments.services import promotions
from deployments.views.promotions import context_of, resubmit_form
from portal.accounts.acting import carry_out, see_other
from portal.accounts.forms import StepUpForm
from portal.accounts.web import PortalRequest, signed_in
from portal.core import once
from portal.core.errors import BadInput


def page_url(number: int) -> str:
    return reverse("deployments:promotion", args=[number])


def _again(request: PortalRequest, number: int, **bound: Any) -> HttpResponse:
    """The request's page with a form that has to be corrected."""
    return render(request, "deployments/promotion.html", context_of(request, number, **bound), status=422)


@require_http_methods(["GET", "POST"])
@signed_in
def decide(request: PortalRequest, number: int) -> HttpResponse:
    """Take the decision: request changes and reject act at once, approve goes on to signing."""
    if request.method == "GET":
        return see_other(page_url(number))
    checks = select.one(actor=request.actor, number=number).to_acknowledge
    form = forms.DecisionForm(request.POST, checks=checks)
    if form.is_valid() and form.cleaned_data["decision"] == "approve":
        request.session[_draft(number)] = {
            "seen": form.cleaned_data["seen"],
            "comment": form.cleaned_data["comment"],
            "looked_at": form.cleaned_data["looked_at"],
            "condition": form.cleaned_data["condition"],
        }
        return see_other(reverse("deployments:promotion_sign", args=[number]))
    done = carry_out(request, form, lambda: _send_back(request, number, form.cleaned_data))
    return done or _again(request, number, decision=form)


def _send_back(request: PortalRequest, number: int, found: dict[str, Any]) -> str:
    verb = promotions.request_changes if found["decision"] == "changes" else promotions.reject
    verb(actor=request.actor, number=number, seen=found["seen"], comment=found["comment"])
    return page_url(number)


@sensitive_post_parameters("step_up_password", "step_up_code", "step_up_credential")
@require_http_methods(["GET", "POST"])
@signed_in
def sign(request: PortalRequest, number: int) -> HttpResponse:
    """The second step of an approval: what it will do, what is signed, and who it is that signs."""
    draft = request.session.get(_draft(number))
    if request.method == "GET":
        if draft is None or not select.one(actor=request.actor, number=number).item.part.approve:
            return see_other(f"{page_url(number)}#decision")
        return _sign_page(request, number, forms.SignForm(initial=draft))
    form = forms.SignForm(request.POST)
    if not form.is_valid():
        raise BadInput("This form is damaged. Go back to the request and decide again.", status=400)
    found = form.cleaned_data
    condition = conditions.parse(found["condition"])
    sent = {name: found[name] for name in ("seen", "comment", "condition", once.FIELD)}
    before = once.replayed(actor=request.actor, route=request.path, sent=sent)
    if not before:
        step = _step_up(request, number, found["seen"], condition, request.POST)
        if not step.is_valid():
            return _sign_page(request, number, form, step)
    where = before or once.run(
        actor=request.actor, route=request.path, sent=sent, act=lambda: _approve(request, number, found)
    )
    request.session.pop(_draft(number), None)
    return see_other(where)


def _draft(number: int) -> str:
    """Where the session keeps a decision that waits to be signed."""
    return f"sign:{number}"


def _step_up(
    request: PortalRequest, number: int, seen: str, condition: Condition | None, data: Any = None
) -> StepUpForm:
    """The fields of the second look, bound to this approval of this evidence; valid once the look succeeded."""
    return StepUpForm(
        data,
        request=request,
        actor=request.actor,
        binding=promotions.binding(number, seen, "approve", condition),
        methods=select.one(actor=request.actor, number=number).item.facts.rules.step_up,
    )


def _approve(request: PortalRequest, number: int, found: dict[str, Any]) -> str:
    promotions.approve(
        actor=request.actor,
        number=number,
        seen=found["seen"],
        comment=found["comment"],
        condition=conditions.parse(found["condition"]),
    )
    return page_url(number)


def _sign_page(
    request: PortalRequest, number: int, form: forms.SignForm, step: StepUpForm | None = None
) -> HttpResponse:
    page = select.one(actor=request.actor, number=number)
    page.item.part.approve.require()
    draft = request.session.get(_draft(number), {})
    seen = str(form["seen"].value() or "")
    condition = conditions.parse(draft.get("condition"))
    context = {
        "page": page,
        "row": page.row,
        "part": page.item.part,
        "form": form,
        "step": step or _step_up(request, number, seen, condition),
        "condition": condition,
        "consequence": select.consequence(page, condition),
        "looked_at": [c["label"] for c in page.to_acknowledge if c["code"] in draft.get("looked_at", [])],
        "stale": seen != page.row.evidence_digest,
    }
    return render(request, "deployments/promotion_sign.html", context, status=422 if step else 200)


@require_http_methods(["GET", "POST"])
@signed_in
def withdraw(request: PortalRequest, number: int) -> HttpResponse:
    if request.method == "GET":
        return see_other(page_url(number))
    form = forms.WithdrawForm(request.POST)

    def act() -> str:
        promotions.withdraw(actor=request.actor, number=number, reason=form.cleaned_data["reason"])
        return page_url(number)

    return carry_out(request, form, act) or _again(request, number, withdraw=form)


@require_http_methods(["GET", "POST"])
@signed_in
def resubmit(request: PortalRequest, number: int) -> HttpResponse:
    if request.method == "GET":
        return see_other(page_url(number))
    page = select.one(actor=request.actor, number=number)
    form = resubmit_form(page.row, plan_page.pinned(page.row), request.POST)

    def act() -> str:
        found = form.cleaned_data
        promotions.resubmit(actor=request.actor, number=number, why=found["why"], plan=found["plan"])
        return page_url(number)

    return carry_out(request, form, act) or _again(request, number, resubmit=form)


@require_http_methods(["GET", "POST"])
@signed_in
def comment(request: PortalRequest, number: int) -> HttpResponse:
    if request.method == "GET":
        return see_other(f"{page_url(number)}#activity")
    form = forms.CommentForm(request.POST)

    def act() -> str:
        row = promotions.comment(actor=request.actor, number=number, text=form.cleaned_data["text"])
        return f"{page_url(number)}#c-{row.pk}"

    return carry_out(request, form, act) or _again(request, number, comment=form)
