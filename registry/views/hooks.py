"""Where MLflow tells of changes. Its signature is the only right that counts here."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from portal.core.errors import PortalError
from registry.services import hooks


@csrf_exempt
@require_POST
def mlflow(request: HttpRequest) -> HttpResponse:
    """204 once the message is kept; MLflow sends it again on anything else."""
    given = {name: request.headers.get(f"X-MLflow-{name}", "") for name in ("Delivery-Id", "Timestamp", "Signature")}
    try:
        hooks.take(
            delivery=given["Delivery-Id"],
            timestamp=given["Timestamp"],
            signature=given["Signature"],
            body=request.body,
        )
    except PortalError as error:
        return HttpResponse(error.message, status=error.status, content_type="text/plain")
    return HttpResponse(status=204)
