"""Verify now, and the key an auditor keeps away from the portal."""

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


@require_http_methods(["GET", "POST"])
@signed_in
def verify(request: PortalRequest) -> HttpResponse:
    if request.method == "POST":
        verifications.ask(actor=request.actor)
        return redirect("audit:verify")
    context = {
        "job": verifications.current(actor=request.actor),
        "results": Verification.objects.all()[:20],
        "chain": chain.state(),
    }
    partial = request.htmx and not request.htmx.boosted
    return render(request, "auditors/_verify.html" if partial else "auditors/verify.html", context)


@require_GET
@signed_in
def key(request: PortalRequest) -> HttpResponse:
    """The log's public key and its first and newest checkpoint."""
    policy.require_view(request.actor)
    published = settings.SIGNALBOX_CHECKPOINT_DIR / "vkey"
    context = {
        "vkey": published.read_text().strip() if published.is_file() else "",
        "first": AuditCheckpoint.objects.order_by("id").first(),
        "newest": AuditCheckpoint.objects.order_by("-id").first(),
        "folder": settings.SIGNALBOX_CHECKPOINT_DIR,
    }
    return render(request, "auditors/key.html", context)
