"""The model card to print and as Markdown, and the page on which a section is written, or confirmed by saving it."""

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET, require_http_methods

from portal.accounts import access
from portal.accounts.acting import carry_out
from portal.accounts.permissions import Permission
from portal.accounts.web import PortalRequest, signed_in
from portal.core import clock
from registry import forms
from registry.cards.markdown import markdown
from registry.selectors import cards as read
from registry.services import aliases, cards, versions


@require_GET
@signed_in
def page(request: PortalRequest, name: str, number: int) -> HttpResponse:
    """To read and to print."""
    row = versions.find(actor=request.actor, model=name, number=number)
    champion = aliases.at(row.model, "champion")
    context = {"version": row, "model": row.model, "card": read.of(row), "is_champion": champion == row}
    return render(request, "registry/card.html", context | {"now": clock.now()})


@require_GET
@signed_in
def as_markdown(request: PortalRequest, name: str, number: int) -> HttpResponse:
    row = versions.find(actor=request.actor, model=name, number=number)
    text = markdown(read.of(row).as_json(), settings.SIGNALBOX_URL)
    answer = HttpResponse(text, content_type="text/markdown; charset=utf-8")
    answer["Content-Disposition"] = str(content_disposition_header(True, f"{name}-v{number}-card.md"))
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


@require_http_methods(["GET", "POST"])
@signed_in
def edit(request: PortalRequest, name: str, number: int, section: str) -> HttpResponse:
    row = versions.find(actor=request.actor, model=name, number=number)
    access.require(request.actor, Permission.MODELS_EDIT, row.model.team_id)
    wanted = cards.section_of(section)
    shown = next(one for one in read.of(row).sections if one.section is wanted)
    initial = {"text": shown.text.text if shown.text else "", "seen": shown.seen}
    form = forms.CardForm(request.POST if request.method == "POST" else None, initial=initial)

    def act() -> str:
        text, seen = form.cleaned_data["text"], form.cleaned_data["seen"]
        cards.write(actor=request.actor, model=name, number=number, section=section, text=text, seen=seen)
        return reverse("registry:version", args=[name, number]) + "#card"

    done = carry_out(request, form, act) if request.method == "POST" else None
    context = {"form": form, "version": row, "model": row.model, "shown": shown}
    return done or render(request, "registry/card_edit.html", context, status=422 if form.errors else 200)
