"""Environments with their rules in words; administrators change them here."""

import json
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from deployments import forms
from deployments.gates import catalogue
from deployments.selectors import endpoints, environments
from deployments.selectors.environments import EnvironmentView
from deployments.services import environments as verbs
from portal.accounts import access
from portal.accounts.acting import carry_out
from portal.accounts.permissions import Permission
from portal.accounts.web import PortalRequest, signed_in

NUMBERS = ("request_days", "approval_hours", "warm_hours", "step_up")
DATA = ("gates", "freezes", "bypass")
"""Members that the form shows as JSON; each may be left out."""


@require_GET
@signed_in
def listing(request: PortalRequest) -> HttpResponse:
    return render(request, "deployments/environments.html", {"found": environments.listed(request.actor)})


@require_GET
@signed_in
def detail(request: PortalRequest, name: str) -> HttpResponse:
    view = environments.one(request.actor, name)
    found, following = endpoints.page(request.actor, endpoints.Filter(environment=name), 0)
    context = {
        "view": view,
        "environment": view.row,
        "found": found,
        "following": following,
        "may_ask": access.may_somewhere(request.actor, Permission.PROMOTIONS_REQUEST),
        "may_change": access.may(request.actor, Permission.ENVIRONMENTS_MANAGE),
    }
    return render(request, "deployments/environment.html", context)


@require_http_methods(["GET", "POST"])
@signed_in
def rules(request: PortalRequest, name: str) -> HttpResponse:
    """The form for the rules; open requests keep those they started with."""
    view = environments.one(request.actor, name)
    access.require(request.actor, Permission.ENVIRONMENTS_MANAGE)
    form = forms.RulesForm(request.POST or None, initial=_initial(view))
    rows = forms.ApprovalRows(request.POST or None, initial=view.row.rules["approvals"], prefix="approvals")
    done = None
    if request.method == "POST" and rows.is_valid():
        done = carry_out(request, form, lambda: _change(request, name, form.cleaned_data, rows))
    invalid = request.method == "POST"
    context = {"view": view, "environment": view.row, "form": form, "rows": rows, "gates": catalogue.GATES}
    return done or render(request, "deployments/environment_rules.html", context, status=422 if invalid else 200)


def _initial(view: EnvironmentView) -> dict[str, Any]:
    rules = view.row.rules
    found = {name: rules[name] for name in NUMBERS} | {"expect_version": view.row.rules_version}
    found["wait_minutes"] = rules.get("wait_minutes", 0)
    return found | {name: json.dumps(rules[name], indent=2) if rules.get(name) else "" for name in DATA}


def _change(request: PortalRequest, name: str, found: dict[str, Any], rows: Any) -> str:
    approvals = [rule for rule in (row.as_rule() for row in rows) if rule is not None]
    wanted = {key: found[key] for key in NUMBERS} | {"approvals": approvals, "gates": found["gates"]}
    wanted |= {key: found[key] for key in ("wait_minutes", "freezes", "bypass") if found[key]}
    verbs.change_rules(actor=request.actor, name=name, rules=wanted, expect_version=found["expect_version"])
    return reverse("deployments:environment", args=[name])
