"""Rollout plans: the list, one with its versions and its time, and the editor, which works without script."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from deployments import plan_forms as forms
from deployments.engine import editor, ready_made
from deployments.selectors import plan_shelf as select
from deployments.services import plans
from portal.accounts import access
from portal.accounts.acting import carry_out, partial
from portal.accounts.permissions import Permission
from portal.accounts.web import PortalRequest, signed_in
from portal.core import queries
from portal.core.errors import BadInput


@require_GET
@signed_in
def listing(request: PortalRequest) -> HttpResponse:
    context = {"found": select.listed(), "may_write": access.may_somewhere(request.actor, Permission.ROLLOUTS_STEER)}
    return render(request, "deployments/plans.html", context)


@require_GET
@signed_in
def detail(request: PortalRequest, name: str) -> HttpResponse:
    """One version; `?traffic=` and `?rate=` say for which traffic its time is shown."""
    page = select.page(name, queries.number(request.GET, "version"))
    known = select.traffic(request.actor)
    context = {
        "page": page,
        "plan": page.plan,
        "places": list(known),
        "times": select.times(
            request.actor, page.plan.body, request.GET.get("traffic", ""), request.GET.get("rate", "")
        ),
        "may_write": access.may_somewhere(request.actor, Permission.ROLLOUTS_STEER),
    }
    template = "deployments/_plan_times.html" if partial(request) else "deployments/plan.html"
    answer = render(request, template, context)
    answer["Vary"] = "HX-Request"
    return answer


@require_http_methods(["GET", "POST"])
@signed_in
def new(request: PortalRequest) -> HttpResponse:
    """A plan of one's own; `?from=` names the plan it begins as."""
    return _editor(request, request.GET.get("from", "") or ready_made.AT_ONCE, "")


@require_http_methods(["GET", "POST"])
@signed_in
def edit(request: PortalRequest, name: str) -> HttpResponse:
    """The next version of a plan; of one that comes with the portal, a plan of one's own that begins as it."""
    return _editor(request, name, "" if name in ready_made.PLANS else name)


def _editor(request: PortalRequest, begun_as: str, name: str) -> HttpResponse:
    if request.method == "POST":
        plans.may_write(actor=request.actor, name=name)
        return _sent(request, name)
    access.may_somewhere(request.actor, Permission.ROLLOUTS_STEER).require()
    page = select.page(begun_as, None)
    initial = {"name": name, "title": page.plan.title if name else ""}
    head = forms.PlanForm(initial=initial, endpoints=select.traffic(request.actor))
    return _show(request, head, forms.shown(page.plan.body), name)


def _sent(request: PortalRequest, name: str) -> HttpResponse:
    """Save, or do what one of the editor's own buttons says and show the form again."""
    parts, act = forms.posted(request.POST), request.POST.get("act", "")
    data = request.POST.copy()
    if name:
        data["name"] = name
    head = forms.PlanForm(data, endpoints=select.traffic(request.actor))
    if act != "save":
        found, at = forms.changed(parts, act, request.POST.get("new", "")) if act else (parts, None)
        head.errors.clear()
        return _show(request, head, found, name, at)
    head.steps = [forms.StepForm(part, at) for at, part in enumerate(parts)]
    if not head.is_valid():
        # What is wrong with its steps is said beside what is wrong with its head.
        try:
            plans.checked(forms.body(parts))
        except BadInput as error:
            head.take(error)

    def do() -> str:
        kept = {key: head.cleaned_data[key] for key in ("name", "title")}
        made = plans.create(actor=request.actor, body=forms.body(parts), **kept)
        return reverse("deployments:plan", args=[made.name])

    return carry_out(request, head, do) or _show(request, head, parts, name, status=422)


def _show(
    request: PortalRequest,
    head: forms.PlanForm,
    parts: list[forms.Part],
    name: str,
    at: int | None = None,
    status: int = 200,
) -> HttpResponse:
    body = forms.body(parts)
    steps = head.steps or [forms.StepForm(part, place) for place, part in enumerate(parts)]
    wrong = [line for step in steps for line in step.wrong]
    context: dict[str, Any] = {
        "head": head,
        "steps": steps,
        "wrong": wrong,
        "kinds": [(kind.key, kind.title) for kind in editor.KINDS.values()],
        "name": name,
        "starts": [(row.plan.name, row.plan.title) for row in select.listed()],
        "begun_as": request.GET.get("from", ""),
        "at": at,
        "refused": [] if wrong or head.errors else forms.refused(select.refused(body), steps),
        "times": select.times(request.actor, body, head["traffic"].value() or "", head["rate"].value() or ""),
    }
    template = "deployments/_plan_editor.html" if partial(request) else "deployments/plan_edit.html"
    answer = render(request, template, context, status=status)
    answer["Vary"] = "HX-Request"
    return answer
