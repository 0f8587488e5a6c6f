"""The gallery: every component in every state. Mounted at `/_ui/` only when DEBUG is on."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from portal.core.errors import PortalError
from portal.ui import gallery as samples
from portal.ui.context import Shell


@require_http_methods(["GET", "POST"])
def gallery(request: HttpRequest) -> HttpResponse:
    """All components. A post shows the form refused, with its errors."""
    form = samples.SampleForm(request.POST or None)
    context = samples.context() | {"form": form, "shell": samples.shell(Shell(request))}
    return render(request, "ui/gallery.html", context, status=422 if form.errors else 200)


@require_GET
def live(request: HttpRequest) -> HttpResponse:
    """The region that refreshes itself: a new revision every other minute, 304 in between."""
    revision = f"r{timezone.now().minute // 2}"
    if request.headers.get("HX-PTag") == revision:
        return HttpResponse(status=304)
    response = render(request, "ui/_live.html", samples.traffic() | {"revision": revision, "now": timezone.now()})
    response["HX-PTag"] = revision
    return response


@require_http_methods(["GET", "POST"])
def confirm(request: HttpRequest) -> HttpResponse:
    """A confirm form, as a page and as the content of a dialog."""
    return render(request, "ui/confirm.html", {"shell": samples.shell(Shell(request))})


@require_GET
def auth(request: HttpRequest) -> HttpResponse:
    return render(request, "ui/auth.html", {"form": samples.SignInForm()})


@require_GET
def refused(request: HttpRequest, status: int) -> HttpResponse:
    """The page of a refusal with this status."""
    error = PortalError("Promotion 218 changed while you were looking. Load it again and decide on what it is now.")
    error.status = status
    context = {"error": error, "back": request.path, "shell": samples.shell(Shell(request))}
    return render(request, "errors/refused.html", context, status=status)
