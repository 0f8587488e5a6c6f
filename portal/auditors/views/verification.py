"""Verify now, and the key an auditor keeps away from the portal."""

from pathlib import Path

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from portal.accounts.web import PortalRequest, signed_in
from portal.audit.models import AuditCheckpoint
from portal.auditors import policy
from portal.auditors.models import Verification
from portal.auditors.selectors import chain
from portal.auditors.services import verifications
from portal.auditors.views import frame, progress


@require_http_methods(["GET", "POST"])
@signed_in
def verify(request: PortalRequest) -> HttpResponse:
    if request.method == "POST":
        verifications.ask(actor=request.actor)
        return redirect("audit:verify")
    job = verifications.current(actor=request.actor)
    live = progress.of_job(job)
    context = {
        "job": job,
        "live": live,
        "results": Verification.objects.all()[:20],
        "refusals": chain.past_refusals(),
        **frame.of(request),
    }
    return progress.answer(request, live, "auditors/_verify.html", "auditors/verify.html", context)


@require_GET
@signed_in
def key(request: PortalRequest) -> HttpResponse:
    """The log's public key and its first and newest checkpoint."""
    policy.require_view(request.actor)
    published = Path(settings.SIGNALBOX_CHECKPOINT_DIR) / "vkey"
    context = {
        "vkey": published.read_text().strip() if published.is_file() else "",
        "first": AuditCheckpoint.objects.order_by("id").first(),
        "newest": AuditCheckpoint.objects.order_by("-id").first(),
        **frame.of(request),
    }
    return render(request, "auditors/key.html", context)


@require_GET
@signed_in
def verifier(request: PortalRequest) -> HttpResponse:
    """The program that checks an export. Who doubts the portal takes it from the source instead."""
    policy.require_view(request.actor)
    path = Path(settings.BASE_DIR) / "tools" / "signalbox_audit_verify.py"
    disposition = f'attachment; filename="{path.name}"'
    return HttpResponse(path.read_bytes(), "text/x-python", headers={"Content-Disposition": disposition})
