"""`Idempotency-Key`: the answer of an unsafe call is stored in the transaction of its effect and replayed."""

from datetime import timedelta
from typing import Any, cast

from django.db import IntegrityError, transaction
from rest_framework.request import Request
from rest_framework.response import Response

from portal.core import clock, digests
from portal.core.actors import Actor
from portal.core.errors import BadInput, Conflict
from portal.core.models import IdempotencyKey

KEEP = timedelta(days=7)
UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}


def key_of(request: Request, actor: Actor) -> str:
    """The key of this call, "" when none is needed. Tokens must send one on unsafe calls."""
    key = request.headers.get("Idempotency-Key", "")
    if request.method not in UNSAFE:
        return ""
    if len(key) > 200 or not key.isprintable():
        raise BadInput(
            "Idempotency-Key must be 1 to 200 printable characters.", code="idempotency_key_invalid", status=400
        )
    if not key and actor.kind == "token":
        raise BadInput(
            "Send an Idempotency-Key header with this call, a new random value for each new intent.",
            code="idempotency_key_missing",
            status=400,
        )
    return key


def replay(row: IdempotencyKey, fingerprint: str) -> Response:
    if row.fingerprint != fingerprint:
        raise BadInput(
            "This Idempotency-Key was used with another body. Use a new key for a new intent.",
            code="idempotency_key_reused",
        )
    return Response(row.body, status=row.status, headers={"Idempotent-Replayed": "true"})


def _body_of(request: Request) -> Any:
    """The body as plain JSON; a form counts as none, since the API takes JSON only."""
    data: Any = request.data
    return data if isinstance(data, dict | list) else None


class IdempotencyMixin:
    """For an `APIView` whose handlers are verbs: wraps unsafe calls so that the same key has one effect.

    Members of an answer named in `never_stored` are shown once: a replay has null in their place.
    """

    never_stored: tuple[str, ...] = ("secret",)

    def run_once(self, request: Request, call: Any) -> Response:
        """`call()` does the act and returns its Response; both are undone together when it raises."""
        actor = cast(Actor, request.auth)
        key = key_of(request, actor)
        if not key:
            return cast(Response, call())
        where = {"owner": actor.id, "method": str(request.method), "route": request.path[:200], "key": key}
        fingerprint = digests.of_json({"body": _body_of(request)})
        seen = IdempotencyKey.objects.filter(**where).first()
        if seen:
            return replay(seen, fingerprint)
        try:
            with transaction.atomic():
                row = IdempotencyKey.objects.create(**where, fingerprint=fingerprint, status=0)
                response = call()
                row.status, row.body = response.status_code, self._to_keep(response.data)
                row.save(update_fields=["status", "body"])
                return cast(Response, response)
        except IntegrityError as error:
            if "idempotency_key_once" not in str(error):
                raise
            seen = IdempotencyKey.objects.filter(**where).first()
            if seen:
                return replay(seen, fingerprint)
            raise Conflict("The same call is being carried out right now. Ask again in a second.") from error

    def _to_keep(self, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {key: None if key in self.never_stored else value for key, value in data.items()}


def forget_old() -> None:
    IdempotencyKey.objects.filter(created_at__lt=clock.now() - KEEP).delete()
