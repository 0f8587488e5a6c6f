"""People, invitations, teams and the matrix of rights."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from portal.accounts.adapters.mail import kept_where
from portal.accounts.forms import DisableForm, GrantForm, InviteForm, TeamForm
from portal.accounts.permissions import PERMISSION_WORDS, Permission
from portal.accounts.policies import people as policy
from portal.accounts.roles import Role
from portal.accounts.selectors import people as read
from portal.accounts.selectors import rights
from portal.accounts.selectors import tokens as read_tokens
from portal.accounts.selectors.people import PeopleFilter
from portal.accounts.services import invitations, people, roles, teams
from portal.accounts.web import PortalRequest, signed_in

PAGE = 50


@require_GET
@signed_in
def people_list(request: PortalRequest) -> HttpResponse:
    policy.may_view(request.actor).require()
    wanted = PeopleFilter(**{name: request.GET.get(name, "").strip() for name in ("q", "role", "team", "state")})
    page = Paginator(read.listed(request.actor, wanted), PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "filter": wanted,
        "roles": Role.choices,
        "teams": read.teams_of(request.actor),
        "manages": policy.may_manage_somewhere(request.actor),
        "everywhere": policy.may_manage(request.actor),
        "invitations": read.open_invitations(request.actor),
    }
    return render(request, "accounts/people.html", context)


def _team_choices(request: PortalRequest) -> dict[str, Any]:
    """The teams the actor manages, and whether they may also grant everywhere."""
    managed = read.teams_of(request.actor, Permission.PEOPLE_MANAGE)
    return {"teams": managed, "everywhere": bool(policy.may_manage(request.actor))}


@require_http_methods(["GET", "POST"])
@signed_in
def invite(request: PortalRequest) -> HttpResponse:
    policy.may_manage_somewhere(request.actor).require()
    form = InviteForm(request.POST if request.method == "POST" else None, **_team_choices(request))
    if form.is_valid():
        values = form.cleaned_data
        row = invitations.invite(actor=request.actor, email=values["email"], role=values["role"], team=values["team"])
        messages.success(
            request, f"The invitation is on its way to {row.email}. It is good for seven days.{kept_where()}"
        )
        return redirect("accounts:people")
    return render(request, "accounts/invite.html", {"form": form}, status=422 if form.errors else 200)


@require_POST
@signed_in
def invitation_again(request: PortalRequest, invitation_id: str) -> HttpResponse:
    row = invitations.send_again(actor=request.actor, invitation_id=invitation_id)
    messages.success(request, f"A fresh link is on its way to {row.email}.{kept_where()}")
    return redirect("accounts:people")


@require_POST
@signed_in
def invitation_revoke(request: PortalRequest, invitation_id: str) -> HttpResponse:
    row = invitations.revoke(actor=request.actor, invitation_id=invitation_id)
    messages.success(request, f"The invitation of {row.email} is taken back.")
    return redirect("accounts:people")


@require_GET
@signed_in
def person(request: PortalRequest, person_id: int) -> HttpResponse:
    row = read.find(request.actor, person_id)
    choices = _team_choices(request)
    manages = policy.may_manage_somewhere(request.actor)
    context = {
        "person": row,
        "abilities": rights.what_can(row),
        "manages": manages,
        "everywhere": choices["everywhere"],
        "own": row.pk == request.actor.person_id,
        "grant_form": GrantForm(None, **choices) if manages else None,
        "removable": {g.pk for g in read.held(row) if policy.may_manage(request.actor, g.team_id)},
        "tokens": read_tokens.visible(request.actor).filter(person=row) if choices["everywhere"] else [],
        "states": read_tokens.STATES,
        "answers_for": read.service_accounts(request.actor).filter(responsible=row),
    }
    return render(request, "accounts/person.html", context)


@require_POST
@signed_in
def grant(request: PortalRequest, person_id: int) -> HttpResponse:
    row = read.find(request.actor, person_id)
    policy.may_manage_somewhere(request.actor).require()
    form = GrantForm(request.POST, **_team_choices(request))
    if form.is_valid():
        roles.grant(actor=request.actor, holder=row, role=form.cleaned_data["role"], team=form.cleaned_data["team"])
        messages.success(request, f"{row.name} has the role now.")
        return redirect("accounts:person", person_id=row.pk)
    return render(request, "accounts/grant.html", {"person": row, "form": form}, status=422)


@require_http_methods(["GET", "POST"])
@signed_in
def grant_revoke(request: PortalRequest, person_id: int, grant_id: int) -> HttpResponse:
    """GET asks, POST does."""
    row = read.find(request.actor, person_id)
    held = next((g for g in read.held(row) if g.pk == grant_id), None)
    if request.method == "POST":
        roles.revoke(actor=request.actor, grant_id=held.pk if held else 0)
        messages.success(request, f"{row.name} has lost the role.")
        return redirect("accounts:person", person_id=row.pk)
    policy.may_manage(request.actor, held.team_id if held else None).require()
    return render(request, "accounts/grant_revoke.html", {"person": row, "grant": held})


@require_http_methods(["GET", "POST"])
@signed_in
def disable(request: PortalRequest, person_id: int) -> HttpResponse:
    """GET asks and says what will stop, POST does."""
    row = read.find(request.actor, person_id)
    if request.method == "POST":
        form = DisableForm(request.POST)
        reason = form.cleaned_data["reason"] if form.is_valid() else ""
        people.disable(actor=request.actor, person_id=row.pk, reason=reason)
        messages.success(request, f"{row.name} is disabled. Their sessions have ended and their tokens have stopped.")
        return redirect("accounts:person", person_id=row.pk)
    policy.may_manage(request.actor).require()
    context = {
        "person": row,
        "form": DisableForm(),
        "answers_for": read.service_accounts(request.actor).filter(responsible=row, is_active=True),
    }
    return render(request, "accounts/disable.html", context)


@require_POST
@signed_in
def enable(request: PortalRequest, person_id: int) -> HttpResponse:
    row = read.find(request.actor, person_id)
    people.enable(actor=request.actor, person_id=row.pk)
    messages.success(request, f"{row.name} can sign in again.")
    return redirect("accounts:person", person_id=row.pk)


@require_http_methods(["GET", "POST"])
@signed_in
def team_list(request: PortalRequest) -> HttpResponse:
    policy.may_view(request.actor).require()
    form = TeamForm(request.POST if request.method == "POST" else None)
    if request.method == "POST":
        policy.may_manage(request.actor).require()
    if form.is_valid():
        row = teams.create(actor=request.actor, name=form.cleaned_data["name"])
        messages.success(request, f"The team {row.name} is there. Give people roles in it.")
        return redirect("accounts:teams")
    context = {
        "teams": read.teams_listed(request.actor),
        "form": form if policy.may_manage(request.actor) else None,
    }
    return render(request, "accounts/teams.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@signed_in
def team(request: PortalRequest, slug: str) -> HttpResponse:
    row = read.find_team(request.actor, slug)
    manages = policy.may_manage(request.actor, row.pk)
    form = TeamForm(request.POST if request.method == "POST" else None, initial={"name": row.name})
    if request.method == "POST":
        manages.require()
    if form.is_valid():
        teams.rename(actor=request.actor, slug=slug, name=form.cleaned_data["name"])
        messages.success(request, "The team has its new name.")
        return redirect("accounts:team", slug=slug)
    context = {
        "team": row,
        "form": form if manages else None,
        "people": read.listed(request.actor, PeopleFilter(team=slug)),
    }
    return render(request, "accounts/team.html", context, status=422 if form.errors else 200)


@require_GET
@signed_in
def roles_page(request: PortalRequest) -> HttpResponse:
    """The matrix, and both look-ups: who can do this, what can they do."""
    policy.may_view(request.actor).require()
    act = request.GET.get("act", "")
    slug = request.GET.get("team", "")
    number = request.GET.get("person", "")
    where = read.find_team(request.actor, slug) if slug else None
    who = rights.who_can(request.actor, Permission(act), where) if act in PERMISSION_WORDS else None
    somebody = read.find(request.actor, int(number)) if number.isdigit() else None
    context = {
        "roles": Role.choices,
        "matrix": rights.matrix(),
        "acts": [(p.value, PERMISSION_WORDS[p]) for p in Permission],
        "teams": read.teams_of(request.actor),
        "people": read.visible(request.actor).order_by("name"),
        "act": act,
        "act_words": PERMISSION_WORDS.get(Permission(act), "") if who is not None else "",
        "team": where,
        "who": who,
        "person": somebody,
        "abilities": rights.what_can(somebody) if somebody else None,
    }
    return render(request, "accounts/roles.html", context)
