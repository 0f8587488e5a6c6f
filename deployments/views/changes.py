"""Changing a policy: the form, proposing, and the second person's decision. Approving takes a second look."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from deployments import policy_forms as forms
from deployments.forms import WithdrawForm
from deployments.models import PolicyVersion
from deployments.policies import change as policy
from deployments.policies import documents
from deployments.selectors import policies as select
from deployments.selectors import policy_pages as pages
from deployments.services import policies
from deployments.views.policies import context_of
from portal.accounts.acting import carry_out, see_other
from portal.accounts.forms import StepUpForm
from portal.accounts.web import PortalRequest, signed_in
from portal.core import once
from portal.core.errors import BadInput


def page_url(change_id: int) -> str:
    return reverse("deployments:policy_change", args=[change_id])


@require_http_methods(["GET", "POST"])
@signed_in
def new(request: PortalRequest) -> HttpResponse:
    """Begin a change from what is in force; `?environment=` and `?tier=` choose beforehand."""
    policy.may_draft(request.actor).require()
    chosen = {name: request.GET.get(name, "") for name in ("environment", "tier")}
    form = forms.NewChangeForm(request.POST if request.method == "POST" else None, initial=chosen)

    def act() -> str:
        found = form.cleaned_data
        row = policies.draft(actor=request.actor, environment=found["environment"].name, tier=found["tier"])
        return reverse("deployments:policy_edit", args=[row.pk])

    done = carry_out(request, form, act) if request.method == "POST" else None
    status = 422 if request.method == "POST" else 200
    return done or render(request, "deployments/policy_new.html", {"form": form}, status=status)


@require_http_methods(["GET", "POST"])
@signed_in
def edit(request: PortalRequest, change_id: int) -> HttpResponse:
    """The whole policy as fields, and as text for those who know it; `mode` says which of the two was sent."""
    policy.may_draft(request.actor).require()
    row = select.draft(change_id)
    if row.status != "draft" or row.falls_to:
        return see_other(page_url(change_id))
    sent = request.POST if request.method == "POST" else None
    as_text = bool(sent) and request.POST.get("mode") == "text"
    form = forms.RulesForm(None if as_text else sent, initial=forms.initial(row.content, row.digest, row.why))
    rows = forms.ApprovalRows(None if as_text else sent, initial=row.content["approvals"], prefix="approvals")
    begun = {"seen": row.digest, "rules": documents.of_rules(row.content), "why": row.why}
    text = forms.TextForm(sent if as_text else None, initial=begun, auto_id="id_text_%s")
    done = None
    if as_text:
        done = carry_out(request, text, lambda: _save_text(request, row, text))
    elif sent is not None and rows.is_valid():
        done = carry_out(request, form, lambda: _save(request, row, form, rows))
    context = {"row": row, "form": form, "rows": rows, "text": text, "as_text": as_text}
    return done or render(request, "deployments/policy_edit.html", context, status=422 if sent is not None else 200)


@require_http_methods(["GET", "POST"])
@signed_in
def retire(request: PortalRequest, policy_id: int) -> HttpResponse:
    """Begin a change that takes the policy of a tier away; the change's page shows what that does."""
    policy.may_draft(request.actor).require()
    row = select.one(policy_id)
    form = forms.RetireForm(request.POST if request.method == "POST" else None)
    place = {"environment": row.environment.name, "tier": row.tier}

    def act() -> str:
        return page_url(policies.retire(actor=request.actor, **place, why=form.cleaned_data["why"]).pk)

    done = carry_out(request, form, act) if request.method == "POST" else None
    context = {"row": row, "form": form, "now": select.own(row.environment_id, row.tier)}
    context |= {"general": select.in_force(row.environment_id)}
    return done or render(request, "deployments/policy_retire.html", context, status=422 if form.errors else 200)


def _save(request: PortalRequest, row: PolicyVersion, form: forms.RulesForm, rows: Any) -> str:
    found = form.cleaned_data
    wanted = forms.content(row.content, form, rows)
    policies.edit(actor=request.actor, change_id=row.pk, seen=found["seen"], rules=wanted, why=found["why"])
    return page_url(row.pk)


def _save_text(request: PortalRequest, row: PolicyVersion, form: forms.TextForm) -> str:
    found = form.cleaned_data
    wanted = documents.rules(found["rules"])
    policies.edit(actor=request.actor, change_id=row.pk, seen=found["seen"], rules=wanted, why=found["why"])
    return page_url(row.pk)


@require_http_methods(["GET", "POST"])
@signed_in
def propose(request: PortalRequest, change_id: int) -> HttpResponse:
    if request.method == "GET":
        return see_other(page_url(change_id))
    form = forms.SeenForm(request.POST)

    def act() -> str:
        policies.propose(actor=request.actor, change_id=change_id, seen=form.cleaned_data["seen"])
        return page_url(change_id)

    return carry_out(request, form, act) or _again(request, change_id, propose=form)


@require_http_methods(["GET", "POST"])
@signed_in
def reject(request: PortalRequest, change_id: int) -> HttpResponse:
    if request.method == "GET":
        return see_other(page_url(change_id))
    form = forms.RejectForm(request.POST)

    def act() -> str:
        found = form.cleaned_data
        policies.reject(actor=request.actor, change_id=change_id, seen=found["seen"], comment=found["comment"])
        return page_url(change_id)

    return carry_out(request, form, act) or _again(request, change_id, reject=form)


@require_http_methods(["GET", "POST"])
@signed_in
def withdraw(request: PortalRequest, change_id: int) -> HttpResponse:
    """Ask once more, then take the change back."""
    policy.may_draft(request.actor).require()
    row = select.draft(change_id)
    form = WithdrawForm(request.POST if request.method == "POST" else None)

    def act() -> str:
        policies.withdraw(actor=request.actor, change_id=change_id, reason=form.cleaned_data["reason"])
        return page_url(change_id)

    done = carry_out(request, form, act) if request.method == "POST" else None
    return done or render(request, "deployments/policy_withdraw.html", {"row": row, "form": form})


def _again(request: PortalRequest, change_id: int, **bound: Any) -> HttpResponse:
    context = context_of(request, select.draft(change_id), **bound)
    return render(request, "deployments/policy_change.html", context, status=422)


@sensitive_post_parameters("step_up_password", "step_up_code", "step_up_credential")
@require_http_methods(["GET", "POST"])
@signed_in
def sign(request: PortalRequest, change_id: int) -> HttpResponse:
    """Approving: what it changes, what is signed, and who it is that signs."""
    row = select.draft(change_id)
    if request.method == "GET":
        if row.status != "proposed":
            return see_other(page_url(change_id))
        return _sign_page(request, row, forms.SignForm(initial={"seen": row.digest}))
    form = forms.SignForm(request.POST)
    if not form.is_valid():
        raise BadInput("This form is damaged. Go back to the change and decide again.", status=400)
    found = form.cleaned_data
    sent = {name: found[name] for name in ("seen", "comment", once.FIELD)}
    if not once.replayed(actor=request.actor, route=request.path, sent=sent):
        step = _step_up(request, row, found["seen"], request.POST)
        if row.status == "proposed" and not step.is_valid():
            return _sign_page(request, row, form, step)

    def act() -> str:
        policies.approve(actor=request.actor, change_id=change_id, seen=found["seen"], comment=found["comment"])
        return page_url(change_id)

    return see_other(once.run(actor=request.actor, route=request.path, sent=sent, act=act))


def _step_up(request: PortalRequest, row: PolicyVersion, seen: str, data: Any = None) -> StepUpForm:
    return StepUpForm(
        data,
        request=request,
        actor=request.actor,
        binding=policies.binding(row.pk, seen),
        methods=select.facts(row).rules.step_up,
    )


def _sign_page(
    request: PortalRequest, row: PolicyVersion, form: forms.SignForm, step: StepUpForm | None = None
) -> HttpResponse:
    policy.may_decide(request.actor, select.facts(row)).require()
    seen = str(form["seen"].value() or "")
    context = {
        "row": row,
        "now": select.authority(row),
        "words": pages.words(row),
        "form": form,
        "step": step or _step_up(request, row, seen),
        "stale": seen != row.digest,
    }
    return render(request, "deployments/policy_sign.html", context, status=422 if step else 200)
