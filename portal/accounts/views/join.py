"""Accepting an invitation: the only way in for somebody who has no account."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from portal.accounts import limits, secrets
from portal.accounts.forms import JoinForm
from portal.accounts.services import invitations
from portal.core.errors import BadInput, NotFound

OPENED = "join_invitation"


@require_GET
def open_link(request: HttpRequest, invitation_id: str, secret: str) -> HttpResponse:
    """The mailed link: remembers in the session that it was good, so that the secret leaves the address at once."""
    limits.spend("join", limits.client_ip(request), limit=60, seconds=300)
    row = invitations.find(invitation_id, secrets.keyed_hash(secret))
    request.session[OPENED] = [str(row.pk), bytes(row.secret_hash).hex()]
    return redirect("accounts:join")


@sensitive_post_parameters("password", "again")
@require_http_methods(["GET", "POST"])
def join(request: HttpRequest) -> HttpResponse:
    opened = request.session.get(OPENED)
    if opened is None:
        raise NotFound(invitations.GONE, code="invitation_gone")
    invitation_id, secret_hash = opened[0], bytes.fromhex(opened[1])
    row = invitations.find(invitation_id, secret_hash)
    form = JoinForm(request.POST if request.method == "POST" else None, known_email=row.email, name=row.name)
    if form.is_valid():
        values = form.cleaned_data
        try:
            person = invitations.accept(
                invitation_id=invitation_id,
                secret_hash=secret_hash,
                name=values["name"],
                password=values["password"],
                email=values.get("email", ""),
            )
        except BadInput as error:
            for name, sentence in error.fields.items():
                form.add_error(name if name in form.fields else None, sentence)
        else:
            del request.session[OPENED]
            messages.success(request, f"Welcome, {person.name}. Sign in with your new password.")
            return redirect("account_login")
    return render(request, "accounts/join.html", {"form": form, "invitation": row}, status=422 if form.errors else 200)
