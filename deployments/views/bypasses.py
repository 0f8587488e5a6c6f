"""Bypasses: asking for one on a request's behalf, the page of one, granting it, reviewing it afterwards."""

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from deployments import bypass_forms, forms
from deployments.models import Bypass, Environment
from deployments.policies import bypass as policy
from deployments.selectors import activity, promotions
from deployments.selectors import bypasses as select
from deployments.selectors.bypasses import Shown
from deployments.services import bypasses
from deployments.states import bypass as states
from portal.accounts.acting import OnceForm, carry_out, partial, see_other
from portal.accounts.forms import StepUpForm
from portal.accounts.web import PortalRequest, signed_in
from portal.core import once, queries

KNOWN = ("state", "env", "before")


def page_url(number: int) -> str:
    return reverse("deployments:bypass", args=[number])


@require_GET
@signed_in
def listing(request: PortalRequest) -> HttpResponse:
    """All bypasses one may see; reviews that are owed are said above them, whatever the filter."""
    wanted = select.Filter(state=request.GET.get("state") or "all", environment=request.GET.get("env", ""))
    context = {
        "page": select.page(request.actor, wanted, queries.number(request.GET, "before")),
        "filter": wanted,
        "unknown": queries.unknown(request.GET, KNOWN),
        "environments": Environment.objects.all(),
        "states": [*select.GROUPS.items(), *((s.name, s.words) for s in states.MACHINE.states if s.name != "used")],
    }
    name = "deployments/_bypasses.html" if partial(request) else "deployments/bypasses.html"
    response = render(request, name, context)
    response["Vary"] = "HX-Request"
    return response


@require_http_methods(["GET", "POST"])
@signed_in
def ask(request: PortalRequest, number: int) -> HttpResponse:
    """Name the gates, give the reason. What is not in the way cannot be named."""
    page = promotions.one(actor=request.actor, number=number)
    policy.may_ask(request.actor, page.item.facts).require()
    gates = select.to_name(page.row.evidence, page.item.facts, page.item.timing)
    form = bypass_forms.AskBypassForm(
        request.POST or None,
        gates=gates,
        hours=policy.rule_of(page.item.facts).hours,
        endpoint=page.row.endpoint.name,
        initial={"seen": page.row.evidence_digest},
    )

    def act() -> str:
        found = form.cleaned_data
        row = bypasses.ask(
            actor=request.actor,
            number=number,
            **{name: found[name] for name in ("seen", "gates", "reason", "hours")},
        )
        return page_url(row.pk)

    done = carry_out(request, form, act) if request.method == "POST" else None
    context = {"page": page, "row": page.row, "gates": gates, "form": form, "rule": page.item.facts.rules.bypass}
    return done or render(request, "deployments/bypass_ask.html", context, status=422 if form.errors else 200)


@require_GET
@signed_in
def detail(request: PortalRequest, number: int) -> HttpResponse:
    return _page(request, select.one(actor=request.actor, number=number))


def _page(request: PortalRequest, shown: Shown, status: int = 200, **bound: OnceForm) -> HttpResponse:
    unbound = {
        "refuse": bypass_forms.RefuseBypassForm(),
        "withdraw": forms.WithdrawForm(),
        "review": bypass_forms.ReviewForm(),
    }
    context = {"shown": shown, "bypass": shown.row, "row": shown.row.request, "forms": unbound | bound}
    context["timeline"] = activity.of_bypass(shown.row)
    return render(request, "deployments/bypass.html", context, status=status)


@sensitive_post_parameters("step_up_password", "step_up_code", "step_up_credential")
@require_http_methods(["GET", "POST"])
@signed_in
def grant(request: PortalRequest, number: int) -> HttpResponse:
    """What is granted, for how long, and who it is that grants it."""
    shown = select.one(actor=request.actor, number=number)
    if request.method == "GET" and not shown.grant:
        return see_other(page_url(number))
    form = bypass_forms.GrantBypassForm(
        request.POST or None,
        endpoint=shown.row.request.endpoint.name,
        initial={"seen": shown.row.evidence_digest},
    )
    before = once.replayed(actor=request.actor, route=request.path, sent=_sent(form)) if form.is_valid() else ""
    if before:
        return see_other(before)
    shown.grant.require()
    step = _step_up(request, shown, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid() and step.is_valid():
        return see_other(
            once.run(
                actor=request.actor,
                route=request.path,
                sent=_sent(form),
                act=lambda: _grant(request, number, form.cleaned_data),
            )
        )
    context = {"shown": shown, "bypass": shown.row, "row": shown.row.request, "form": form, "step": step}
    status = 422 if request.method == "POST" else 200
    return render(request, "deployments/bypass_grant.html", context, status=status)


def _sent(form: OnceForm) -> dict[str, Any]:
    """What is kept to know the form again: nothing of the second look."""
    return {name: form.cleaned_data[name] for name in ("seen", "comment", "exact", once.FIELD)}


def _step_up(request: PortalRequest, shown: Shown, data: Any) -> StepUpForm:
    return StepUpForm(
        data,
        request=request,
        actor=request.actor,
        binding=bypasses.binding(shown.row),
        methods=shown.facts.request.rules.step_up,
    )


def _grant(request: PortalRequest, number: int, found: dict[str, Any]) -> str:
    bypasses.grant(actor=request.actor, number=number, seen=found["seen"], comment=found["comment"])
    return page_url(number)


def _act(request: PortalRequest, number: int, name: str, form: OnceForm, verb: Callable[[], Bypass]) -> HttpResponse:
    """Carry out one of the forms of a bypass's page."""
    done = carry_out(request, form, lambda: page_url(verb().pk))
    return done or _page(request, select.one(actor=request.actor, number=number), 422, **{name: form})


@require_http_methods(["GET", "POST"])
@signed_in
def refuse(request: PortalRequest, number: int) -> HttpResponse:
    if request.method == "GET":
        return see_other(page_url(number))
    form = bypass_forms.RefuseBypassForm(request.POST)
    return _act(
        request,
        number,
        "refuse",
        form,
        lambda: bypasses.refuse(actor=request.actor, number=number, comment=form.cleaned_data["comment"]),
    )


@require_http_methods(["GET", "POST"])
@signed_in
def withdraw(request: PortalRequest, number: int) -> HttpResponse:
    if request.method == "GET":
        return see_other(page_url(number))
    form = forms.WithdrawForm(request.POST)
    return _act(
        request,
        number,
        "withdraw",
        form,
        lambda: bypasses.withdraw(actor=request.actor, number=number, reason=form.cleaned_data["reason"]),
    )


@require_http_methods(["GET", "POST"])
@signed_in
def review(request: PortalRequest, number: int) -> HttpResponse:
    if request.method == "GET":
        return see_other(page_url(number))
    form = bypass_forms.ReviewForm(request.POST)
    return _act(
        request,
        number,
        "review",
        form,
        lambda: bypasses.review(
            actor=request.actor,
            number=number,
            upheld=form.cleaned_data["outcome"] == "upheld",
            comment=form.cleaned_data["comment"],
        ),
    )
