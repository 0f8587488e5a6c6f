"""What one was told: the list, and the mark that one has seen it."""

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from portal.accounts.web import PortalRequest, signed_in
from portal.notices.selectors import notices as read
from portal.notices.services import notices

PAGE = 50


@require_GET
@signed_in
def notice_list(request: PortalRequest) -> HttpResponse:
    unread = request.GET.get("show") == "unread"
    page = Paginator(read.of(request.actor, unread=unread), PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "unread_only": unread, "unread": read.unread_count(request.actor)}
    return render(request, "notices/notices.html", context)


@require_POST
@signed_in
def notice_read(request: PortalRequest, notice_id: int) -> HttpResponse:
    """Mark it as seen and go to what it is about."""
    return redirect(notices.mark_read(actor=request.actor, notice_id=notice_id).url)


@require_POST
@signed_in
def notices_read(request: PortalRequest) -> HttpResponse:
    notices.mark_all_read(actor=request.actor)
    return redirect("notices:list")
