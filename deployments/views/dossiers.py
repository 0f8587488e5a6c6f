"""The dossier of a promotion: asking for it, following its writing, taking it away."""

from django.http import FileResponse, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from deployments import forms
from deployments.services import dossiers, promotions
from portal.accounts import access
from portal.accounts.acting import carry_out
from portal.accounts.permissions import Permission
from portal.accounts.web import PortalRequest, signed_in
from portal.auditors.views import progress
from registry.selectors import scans


@require_http_methods(["GET", "POST"])
@signed_in
def page(request: PortalRequest, number: int) -> HttpResponse:
    """The newest dossier with its progress, and the ones before it."""
    row = promotions.find(actor=request.actor, number=number)
    form = forms.DossierForm(request.POST if request.method == "POST" else None)
    if request.method == "POST":
        done = carry_out(request, form, lambda: _ask(request, number, form.cleaned_data["since"] or 0))
        if done is not None:
            return done
    found = dossiers.facts(dossiers.newest(actor=request.actor, number=number))
    newest = found[0] if found else None
    live = progress.of(newest["state"], newest["done"], newest["total"], name=f"{newest['id']}-") if newest else None
    context = {
        "row": row,
        "dossier": newest,
        "earlier": [(one, progress.look(one["state"])) for one in found[1:]],
        "live": live,
        "form": form,
        "key": scans.public_key(),
        "may_audit": bool(access.may(request.actor, Permission.AUDIT_VIEW)),
    }
    answer = progress.answer(request, live, "deployments/_dossier.html", "deployments/dossier.html", context)
    answer.status_code = 422 if form.errors else answer.status_code
    return answer


def _ask(request: PortalRequest, number: int, since: int) -> str:
    dossiers.ask(actor=request.actor, number=number, since=since)
    return reverse("deployments:promotion_dossier", args=[number])


@require_GET
@signed_in
def download(request: PortalRequest, number: int, pk: int) -> FileResponse:
    path = dossiers.take(actor=request.actor, number=number, pk=pk)
    return FileResponse(path.open("rb"), as_attachment=True, filename=path.name, content_type="application/zip")
