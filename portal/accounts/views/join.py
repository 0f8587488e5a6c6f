"""Accepting an invitation: the only way in for somebody who has no account."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from portal.accounts import limits
from portal.accounts.forms import JoinForm
from portal.accounts.services import invitations
from portal.core.errors import BadInput


@sensitive_post_parameters("password", "again")
@require_http_methods(["GET", "POST"])
def join(request: HttpRequest, invitation_id: str, secret: str) -> HttpResponse:
    limits.spend("join", limits.client_ip(request), limit=60, seconds=300)
    row = invitations.find(invitation_id, secret)
    form = JoinForm(request.POST if request.method == "POST" else None, known_email=row.email, name=row.name)
    if form.is_valid():
        values = form.cleaned_data
        try:
            person = invitations.accept(
                invitation_id=invitation_id,
                secret=secret,
                name=values["name"],
                password=values["password"],
                email=values.get("email", ""),
            )
        except BadInput as error:
            for name, sentence in error.fields.items():
                form.add_error(name if name in form.fields else None, sentence)
        else:
            messages.success(request, f"Welcome, {person.name}. Sign in with your new password.")
            return redirect("account_login")
    context = {"form": form, "invitation": row}
    return render(request, "accounts/join.html", context, status=422 if form.errors else 200)
