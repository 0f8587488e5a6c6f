"""Service accounts, their roles and their tokens."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from portal.accounts.forms import GrantForm, ServiceAccountForm
from portal.accounts.policies import credentials as policy
from portal.accounts.policies import people as people_policy
from portal.accounts.selectors import people as read
from portal.accounts.selectors import tokens as read_tokens
from portal.accounts.services import roles, service_accounts
from portal.accounts.web import PortalRequest, signed_in


@require_GET
@signed_in
def account_list(request: PortalRequest) -> HttpResponse:
    context = {
        "accounts": read.service_accounts(request.actor),
        "manages": policy.may_manage_accounts(request.actor),
    }
    return render(request, "accounts/service_accounts.html", context)


@require_http_methods(["GET", "POST"])
@signed_in
def new(request: PortalRequest) -> HttpResponse:
    policy.may_manage_accounts(request.actor).require()
    people = read.visible(request.actor).filter(is_active=True).order_by("name")
    form = ServiceAccountForm(request.POST if request.method == "POST" else None, people=people)
    if form.is_valid():
        values = form.cleaned_data
        row = service_accounts.create(
            actor=request.actor,
            name=values["name"],
            responsible=values["responsible"],
            description=values["description"],
        )
        messages.success(request, "The service account is there. Give it a role, then make a token for it.")
        return redirect("accounts:service_account", name=row.name)
    context = {"form": form}
    return render(request, "accounts/service_account_new.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@signed_in
def account(request: PortalRequest, name: str) -> HttpResponse:
    """The account with its roles and tokens; POST changes who answers for it and what it is for."""
    row = read.find_service_account(request.actor, name)
    people = read.visible(request.actor).filter(is_active=True).order_by("name")
    data = request.POST if request.method == "POST" else None
    initial = {"description": row.description, "responsible": row.responsible_id}
    form = ServiceAccountForm(data, people=people, existing=True, initial=initial)
    manages = policy.may_manage_accounts(request.actor)
    if request.method == "POST":
        manages.require()
    if form.is_valid():
        service_accounts.change(
            actor=request.actor,
            name=name,
            responsible=form.cleaned_data["responsible"],
            description=form.cleaned_data["description"],
        )
        messages.success(request, "The service account is changed.")
        return redirect("accounts:service_account", name=name)
    context = {
        "account": row,
        "form": form,
        "manages": manages,
        "grants": people_policy.may_manage_somewhere(request.actor) and row.responsible_id != request.actor.person_id,
        "grant_form": GrantForm(
            None, teams=read.teams_of(request.actor), everywhere=bool(people_policy.may_manage(request.actor))
        ),
        "may_make": policy.may_make(request.actor, person_id=None, responsible_id=row.responsible_id),
        "tokens": read_tokens.visible(request.actor).filter(service_account=row),
        "states": read_tokens.STATES,
    }
    return render(request, "accounts/service_account.html", context, status=422 if form.errors else 200)


@require_POST
@signed_in
def switch(request: PortalRequest, name: str, state: str) -> HttpResponse:
    """Disable or enable the account: its tokens stop, or work again, with their next use."""
    row = read.find_service_account(request.actor, name)
    service_accounts.change(actor=request.actor, name=row.name, is_active=state == "enable")
    words = "works again" if state == "enable" else "is disabled and its tokens have stopped"
    messages.success(request, f"The service account {words}.")
    return redirect("accounts:service_account", name=name)


@require_POST
@signed_in
def grant(request: PortalRequest, name: str) -> HttpResponse:
    row = read.find_service_account(request.actor, name)
    everywhere = bool(people_policy.may_manage(request.actor))
    people_policy.may_manage_somewhere(request.actor).require()
    form = GrantForm(request.POST, teams=read.teams_of(request.actor), everywhere=everywhere)
    if form.is_valid():
        roles.grant(actor=request.actor, holder=row, role=form.cleaned_data["role"], team=form.cleaned_data["team"])
        messages.success(request, "The service account has the role now.")
        return redirect("accounts:service_account", name=name)
    return render(request, "accounts/grant.html", {"account": row, "form": form}, status=422)


@require_POST
@signed_in
def grant_revoke(request: PortalRequest, name: str, grant_id: int) -> HttpResponse:
    row = read.find_service_account(request.actor, name)
    held = next((g.pk for g in read.held(row) if g.pk == grant_id), 0)
    roles.revoke(actor=request.actor, grant_id=held)
    messages.success(request, "The service account has lost the role.")
    return redirect("accounts:service_account", name=name)
