"""One's own pages: profile and preferences, security, tokens."""

from typing import Any

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from portal.accounts import stepup
from portal.accounts.forms import PreferencesForm, ProfileForm
from portal.accounts.models import Person
from portal.accounts.selectors import rights
from portal.accounts.selectors.people import GRANTS
from portal.accounts.services import people
from portal.accounts.web import PortalRequest, person_of, signed_in
from portal.core.errors import BadInput


@require_http_methods(["GET", "POST"])
@signed_in
def profile(request: PortalRequest) -> HttpResponse:
    person = person_of(request)
    form = ProfileForm(request.POST or None, initial={"name": person.name})
    if request.method == "POST" and form.is_valid():
        people.rename_self(actor=request.actor, name=form.cleaned_data["name"])
        messages.success(request, "Your name is changed.")
        return redirect("accounts:me")
    held = Person.objects.prefetch_related(GRANTS).get(pk=person.pk)
    context = {
        "person": held,
        "form": form,
        "preferences": preference_choices(person),
        "abilities": rights.what_can(person),
    }
    return render(request, "accounts/me.html", context, status=422 if form.errors else 200)


def preference_choices(person: Person) -> list[dict[str, Any]]:
    """The switches of the preferences card: name, label, the options and the one in force."""
    return [
        {
            "name": "theme",
            "label": "Theme",
            "value": person.theme,
            "options": person.THEMES,
        },
        {
            "name": "density",
            "label": "Density",
            "value": person.density,
            "options": person.DENSITIES,
        },
        {
            "name": "shortcuts",
            "label": "Keyboard shortcuts",
            "value": "on" if person.shortcuts else "off",
            "options": [("on", "On"), ("off", "Off")],
        },
    ]


@require_POST
@signed_in
def preferences(request: PortalRequest) -> HttpResponse:
    """Any of theme, density and shortcuts; goes back to the page the switch was on."""
    form = PreferencesForm(request.POST)
    if not form.is_valid():
        raise BadInput("There is no such choice. Go back and pick one that is offered.", fields=first_errors(form))
    people.set_preferences(actor=request.actor, **form.given())
    if request.htmx or "application/json" in request.headers.get("Accept", ""):
        return HttpResponse(status=204)
    return redirect(back(request, "/me/"))


def first_errors(form: Any) -> dict[str, str]:
    return {name: str(errors[0]) for name, errors in form.errors.items()}


def back(request: HttpRequest, otherwise: str) -> str:
    """A path of this portal that the form named in `next`, or `otherwise`."""
    wanted = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(wanted, allowed_hosts=None) and wanted.startswith("/")
    return wanted if safe else otherwise


@require_GET
@signed_in
def security(request: PortalRequest) -> HttpResponse:
    """Password, second factors, recovery codes and sessions of the person."""
    person = person_of(request)
    factors = list(Authenticator.objects.filter(user=person).order_by("created_at"))
    recovery = next((f for f in factors if f.type == Authenticator.Type.RECOVERY_CODES), None)
    context = {
        "person": person,
        "totp": next((f for f in factors if f.type == Authenticator.Type.TOTP), None),
        "passkeys": [f for f in factors if f.type == Authenticator.Type.WEBAUTHN],
        "recovery_left": len(recovery.wrap().get_unused_codes()) if recovery else None,
        "sessions": UserSession.objects.filter(user=person).count(),
    }
    return render(request, "accounts/security.html", context)


@require_POST
@signed_in
def passkey_challenge(request: PortalRequest) -> HttpResponse:
    """What the browser needs to ask a passkey; the answer goes into the decision's own form."""
    binding = request.POST.get("binding", "")
    return JsonResponse(stepup.begin_passkey(request=request, actor=request.actor, binding=binding))
