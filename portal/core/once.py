"""One form, one effect: a page's form carries a hidden key, kept in the same table as the API's `Idempotency-Key`."""

from collections.abc import Callable, Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.http import QueryDict

from portal.core import digests, ids
from portal.core.actors import Actor
from portal.core.errors import BadInput, Conflict
from portal.core.models import IdempotencyKey

FIELD = "idempotency_key"
METHOD = "FORM"


def new_key() -> str:
    """A key for the hidden field of a form that is about to be shown."""
    return str(ids.new_id())


def replayed(*, actor: Actor, route: str, sent: Mapping[str, Any]) -> str:
    """Where the first sending of this very form led to; "" when it has not been carried out yet.

    Raises `BadInput` when the key was used with other values.
    """
    key = _key(sent)
    row = IdempotencyKey.objects.filter(**_where(actor, route, key)).first() if key else None
    if row is None:
        return ""
    if row.fingerprint != _fingerprint(sent):
        raise BadInput("This form was sent before with other values. Load the page again and fill it in once more.")
    return str((row.body or {}).get("location", ""))


def run(*, actor: Actor, route: str, sent: Mapping[str, Any], act: Callable[[], str]) -> str:
    """Carry out `act` once for the key in `sent`; it returns where to go next, and so does every later sending.

    The act and the key share a transaction: a refused act leaves the key unused, so the form can be corrected.
    `sent` must hold no password or code, since a digest of it is kept.
    """
    key = _key(sent)
    if not key:
        return act()
    before = replayed(actor=actor, route=route, sent=sent)
    if before:
        return before
    try:
        with transaction.atomic():
            row = IdempotencyKey.objects.create(
                **_where(actor, route, key), fingerprint=_fingerprint(sent), status=303, body={}
            )
            row.body = {"location": act()}
            row.save(update_fields=["body"])
            return str(row.body["location"])
    except IntegrityError as error:
        if "idempotency_key_once" not in str(error):
            raise
        before = replayed(actor=actor, route=route, sent=sent)
        if before:
            return before
        raise Conflict("The same form is being carried out right now. Load the page again in a second.") from error


def _key(sent: Mapping[str, Any]) -> str:
    key = str(sent.get(FIELD, ""))
    if len(key) > 200 or not key.isprintable():
        raise BadInput("This form is damaged. Load the page again and fill it in once more.", status=400)
    return key


def _where(actor: Actor, route: str, key: str) -> dict[str, str]:
    return {"owner": actor.id, "method": METHOD, "route": route[:200], "key": key}


def _fingerprint(sent: Mapping[str, Any]) -> str:
    """Over the values that were sent, without the key and the CSRF token, which differ from page to page."""
    pairs = sent.lists() if isinstance(sent, QueryDict) else sent.items()
    return digests.of_json({k: str(v) for k, v in pairs if k not in (FIELD, "csrfmiddlewaretoken")})
