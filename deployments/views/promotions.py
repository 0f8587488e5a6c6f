"""Promotion requests: the list, asking for one, and the page of one."""

from typing import Any

from django.http import HttpResponse, HttpResponseNotModified
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from deployments import forms
from deployments.models import Environment, PromotionRequest
from deployments.policies import bypass as bypass_policy
from deployments.policies import steering
from deployments.selectors import activity, bypasses, people, pinned, plan_page, plans, reach
from deployments.selectors import promotions as select
from deployments.selectors.plan_page import PlanPage
from deployments.services import promotions, rollback_freezes
from deployments.states import promotion as states
from portal.accounts import access
from portal.accounts.acting import carry_out, partial
from portal.accounts.permissions import Permission
from portal.accounts.web import PortalRequest, signed_in
from portal.core import queries
from portal.core.errors import BadInput, Refused
from registry.selectors import scans
from registry.selectors.datasets import inputs_of

KNOWN = ("state", "need", "model", "env", "before")


@require_GET
@signed_in
def listing(request: PortalRequest) -> HttpResponse:
    wanted = select.Filter(
        state=request.GET.get("state", "open"),
        need=request.GET.get("need", ""),
        model=request.GET.get("model", ""),
        environment=request.GET.get("env", ""),
    )
    found, older = select.page(request.actor, wanted, queries.number(request.GET, "before"))
    context = {
        "items": found,
        "older": older,
        "filter": wanted,
        "unknown": queries.unknown(request.GET, KNOWN),
        "environments": Environment.objects.all(),
        "may_ask": access.may_somewhere(request.actor, Permission.PROMOTIONS_REQUEST),
        "states": [("open", "Open"), ("closed", "Closed"), ("all", "All"), *states.MACHINE.choices],
    }
    name = "deployments/_promotions.html" if partial(request) else "deployments/promotions.html"
    response = render(request, name, context)
    response["Vary"] = "HX-Request"
    return response


@require_http_methods(["GET", "POST"])
@signed_in
def new(request: PortalRequest) -> HttpResponse:
    """Ask for a promotion: what would change comes first, what is missing is said with its remedy. `show` among what is
    sent asks for what the plan chosen there would change, and sends nothing."""
    sent = request.POST if request.method == "POST" else request.GET
    target = _target(sent)
    if target is None:
        choice = {"model": sent.get("model", ""), "version": sent.get("version", "")}
        return render(
            request, "deployments/promotion_choose.html", choice | {"environments": Environment.objects.all()}
        )
    known = plans.offered(target["plan"])
    shows, choices = "show" in request.POST, [(value, words) for value, words, _ in known]
    typed = {"why": sent.get("why", ""), "supersede": "supersede" in sent} if shows else {}
    form = forms.AskForm(None if shows else request.POST or None, plans=choices, initial=target | typed)
    if request.method == "POST" and not shows:
        done = carry_out(request, form, lambda: _submit(request, form.cleaned_data))
        if done is not None:
            return done
    found = promotions.preview(actor=request.actor, **target)
    form.initial["plan"] = target["plan"] or found.plan
    may_supersede = steering.may_steer(request.actor, found.endpoint.team_id)
    context = {
        "preview": found,
        "may_supersede": may_supersede,
        "possible": found.askable and (may_supersede.allowed or not found.rolls_out),
        "plans": plan_page.all_of([plan for _, _, plan in known], found.endpoint),
        "form": form,
        "checks": select.worst_first([*select.shown_checks(found.evidence), *select.by_clock(found.by_clock)]),
        "pinned": pinned.of(found.evidence),
        "reviewers": people.who_can_approve(
            request.actor, environment=found.environment, endpoint=found.endpoint, version=found.version
        ),
    }
    return render(request, "deployments/promotion_new.html", context, status=422 if form.errors else 200)


def _target(sent: Any) -> dict[str, Any] | None:
    """Model, version and environment from the address or the form; None until all three are named."""
    environment = sent.get("environment") or sent.get("env") or ""
    version = queries.number(sent, "version")
    if not sent.get("model") or version is None or not environment:
        return None
    plan = sent.get("plan", "")[:72]
    return {"model": sent["model"], "version": version, "environment": environment, "plan": plan}


def _submit(request: PortalRequest, found: dict[str, Any]) -> str:
    """A rollout in the way is said at the box that would supersede it, so that nothing has to be typed again."""
    try:
        row = promotions.submit(
            actor=request.actor,
            model=found["model"],
            version=found["version"],
            environment=found["environment"],
            why=found["why"],
            plan=found["plan"],
            supersede=found["supersede"],
        )
    except Refused as error:
        if error.code not in ("rollout_active", "rollout_ended"):
            raise
        fields = {"supersede": error.message} if error.code == "rollout_active" else {}
        raise BadInput(error.message, fields=fields) from error
    return reverse("deployments:promotion", args=[row.pk])


@require_GET
@signed_in
def detail(request: PortalRequest, number: int) -> HttpResponse:
    return render(request, "deployments/promotion.html", context_of(request, number))


@require_GET
@signed_in
def live(request: PortalRequest, number: int) -> HttpResponse:
    """What happened while the page stood open; 304 while nothing did.

    A request that moves by itself has the whole page loaded anew. Before that a line says so: somebody may be typing.
    """
    page = select.one(actor=request.actor, number=number)
    if request.headers.get("HX-PTag") == page.tag:
        return HttpResponseNotModified()
    if request.GET.get("moving"):
        return HttpResponse(headers={"HX-Refresh": "true"})
    response = render(request, "deployments/_promotion_live.html", {"page": page, "row": page.row, "news": True})
    response["HX-PTag"] = page.tag
    return response


def resubmit_form(row: PromotionRequest, plan: PlanPage, data: Any = None) -> forms.ResubmitForm:
    """The form to send this request again with; plans to choose from stand in it while it was sent back."""
    sent_back = row.status == "changes_requested"
    kept = f"{plan.title}, version {plan.version}" if plan.version else plan.title
    others = plans.beside(plan.name, plan.version) if sent_back else []
    return forms.ResubmitForm(data, kept=kept, plans=[(one.name, one.title) for one in others])


def context_of(request: PortalRequest, number: int, **bound: Any) -> dict[str, Any]:
    """What the page of a request needs; `bound` holds forms that came back with errors."""
    page = select.one(actor=request.actor, number=number)
    kind = queries.one_of(request.GET.get("activity", ""), "activity", activity.KINDS) or "all"
    plan = plan_page.pinned(page.row)
    unbound = {
        "decision": forms.DecisionForm(checks=page.to_acknowledge, initial={"seen": page.row.evidence_digest}),
        "withdraw": forms.WithdrawForm(),
        "resubmit": resubmit_form(page.row, plan),
        "comment": forms.CommentForm(),
    }
    return {
        "page": page,
        "row": page.row,
        "part": page.item.part,
        "verdict": page.item.verdict,
        "evidence": page.row.evidence,
        "pinned": pinned.of(page.row.evidence),
        "plan": plan,
        "data": inputs_of(page.version.run),
        "waits_for_a_person": page.row.status == "approved" and not rollback_freezes.may_start(page.row),
        "reach": reach.of(page.row),
        "known": scans.known(page.row.version),
        "bypass": bypasses.newest(request.actor, page.row),
        "bypassable": bypasses.to_name(page.row.evidence, page.item.facts, page.item.timing),
        "may_bypass": bypass_policy.may_ask(request.actor, page.item.facts),
        "timeline": activity.timeline(page.row, kind),
        "activity": kind,
        "activities": list(activity.KINDS.items()),
        "forms": unbound | bound,
    }
