"""Tokens: one's own and those of service accounts. A secret is on one page, once."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from portal.accounts.forms import RotateForm, StepUpForm, TokenForm
from portal.accounts.models import ServiceAccount
from portal.accounts.policies import credentials as policy
from portal.accounts.selectors import people as read_people
from portal.accounts.selectors import tokens as read
from portal.accounts.services import tokens
from portal.accounts.services.tokens import NewToken, Owner
from portal.accounts.web import PortalRequest, person_of, signed_in


@require_GET
@signed_in
def mine(request: PortalRequest) -> HttpResponse:
    rows = list(read.visible(request.actor).filter(person=person_of(request)))
    ended = request.GET.get("show") == "all"
    shown = rows if ended else [row for row in rows if row.state in ("active", "ends_soon")]
    context = {"tokens": shown, "hidden": len(rows) - len(shown), "show_all": ended, "states": read.STATES}
    return render(request, "accounts/tokens.html", context)


@require_http_methods(["GET", "POST"])
@signed_in
def new(request: PortalRequest) -> HttpResponse:
    return _make(request, person_of(request), "/me/tokens/")


@require_http_methods(["GET", "POST"])
@signed_in
def new_for_account(request: PortalRequest, name: str) -> HttpResponse:
    account = read_people.find_service_account(request.actor, name)
    return _make(request, account, f"/settings/service-accounts/{account.name}/")


def _make(request: PortalRequest, owner: Owner, back: str) -> HttpResponse:
    responsible = owner.responsible_id if isinstance(owner, ServiceAccount) else None
    own = owner.pk if not isinstance(owner, ServiceAccount) else None
    policy.may_make(request.actor, person_id=own, responsible_id=responsible).require()
    data = request.POST if request.method == "POST" else None
    form = TokenForm(data, teams=read_people.teams_of(request.actor))
    step = StepUpForm(data, request=request, actor=request.actor, binding=tokens.binding(owner))
    if form.is_valid() and step.is_valid():
        values = form.cleaned_data
        made = tokens.create(
            actor=request.actor,
            owner=owner,
            name=values["name"],
            scopes=values["scopes"],
            days=values["days"],
            team=values["team"],
        )
        return shown_once(request, made, back)
    context = {"form": form, "step": step, "owner": owner, "back": back}
    return render(request, "accounts/token_new.html", context, status=422 if request.method == "POST" else 200)


def shown_once(request: PortalRequest, made: NewToken, back: str) -> HttpResponse:
    context = {"made": made, "back": back, "portal_url": settings.SIGNALBOX_URL}
    return render(request, "accounts/token_made.html", context, status=201)


def _back(request: PortalRequest, owner: Owner) -> str:
    return f"/settings/service-accounts/{owner.name}/" if isinstance(owner, ServiceAccount) else "/me/tokens/"


@require_http_methods(["GET", "POST"])
@signed_in
def rotate(request: PortalRequest, token_id: str) -> HttpResponse:
    token = read.find(request.actor, token_id)
    owner = tokens.owner_of(token)
    responsible = owner.responsible_id if isinstance(owner, ServiceAccount) else None
    policy.may_make(request.actor, person_id=token.person_id, responsible_id=responsible).require()
    data = request.POST if request.method == "POST" else None
    form = RotateForm(data)
    step = StepUpForm(data, request=request, actor=request.actor, binding=tokens.binding(owner))
    if form.is_valid() and step.is_valid():
        values = form.cleaned_data
        made = tokens.rotate(
            actor=request.actor, token_id=token_id, overlap_hours=values["overlap_hours"], days=values["days"]
        )
        return shown_once(request, made, _back(request, owner))
    context = {"form": form, "step": step, "token": token, "owner": owner, "back": _back(request, owner)}
    return render(request, "accounts/token_rotate.html", context, status=422 if request.method == "POST" else 200)


@require_http_methods(["GET", "POST"])
@signed_in
def revoke(request: PortalRequest, token_id: str) -> HttpResponse:
    """GET asks, POST does."""
    token = read.find(request.actor, token_id)
    owner = tokens.owner_of(token)
    if request.method == "POST":
        tokens.revoke(actor=request.actor, token_id=token_id)
        messages.success(request, f"The token {token.name} is revoked.")
        return redirect(_back(request, owner))
    return render(request, "accounts/token_revoke.html", {"token": token, "back": _back(request, owner)})
