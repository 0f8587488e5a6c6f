"""Policies in words, their versions, and one change of a policy with its replay."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from deployments import policy_forms as forms
from deployments.models import PolicyVersion
from deployments.policies import change as policy
from deployments.policies import documents
from deployments.selectors import policies as select
from deployments.selectors import policy_pages as pages
from deployments.selectors import replays
from portal.accounts.web import PortalRequest, signed_in


@require_GET
@signed_in
def listing(request: PortalRequest) -> HttpResponse:
    context = {"found": pages.listed(), "may_draft": policy.may_draft(request.actor), "here": "policies"}
    return render(request, "deployments/policies.html", context)


@require_GET
@signed_in
def detail(request: PortalRequest, policy_id: int) -> HttpResponse:
    row = select.one(policy_id)
    context = {"page": pages.page(row), "policy": row, "may_draft": policy.may_draft(request.actor)}
    return render(request, "deployments/policy.html", context)


@require_GET
@signed_in
def version(request: PortalRequest, policy_id: int, number: int) -> HttpResponse:
    row = select.version(policy_id, number)
    context = {
        "row": row,
        "words": pages.words(row),
        "gates": pages.gates(row),
        "yaml": documents.of_rules(row.content),
    }
    return render(request, "deployments/policy_version.html", context)


@require_GET
@signed_in
def change(request: PortalRequest, change_id: int) -> HttpResponse:
    return render(request, "deployments/policy_change.html", context_of(request, select.draft(change_id)))


def context_of(request: PortalRequest, row: PolicyVersion, **bound: Any) -> dict[str, Any]:
    """A change's page, with forms that have to be corrected where given."""
    now = select.authority(row)
    facts = select.facts(row)
    return {
        "row": row,
        "now": row.base if row.status not in ("draft", "proposed") else now,
        "words": pages.words(row),
        "replay": replays.of(row),
        "yaml": documents.of_rules(row.content),
        "may_draft": policy.may_draft(request.actor),
        "may_decide": policy.may_decide(request.actor, facts),
        "approvers": [person.label for person in select.approvers(facts)],
        "wanted": policy.approvers_in_words(facts.rules),
        "propose": forms.SeenForm(initial={"seen": row.digest}),
        "reject": forms.RejectForm(initial={"seen": row.digest}),
        **bound,
    }
