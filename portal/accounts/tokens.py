"""Who calls, by the token they carry. Asked anew for each request: nothing is cached, so a revocation acts at once."""

import base64
import binascii
import hmac
import logging
from collections.abc import Iterable
from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.db.utils import Error

from portal.accounts import secrets
from portal.accounts.models import ApiToken
from portal.accounts.selectors.actors import actor_of_token
from portal.audit import recorder
from portal.audit.recorder import Subject
from portal.core import outages
from portal.core.actors import ANONYMOUS, Actor, Via
from portal.core.errors import BadInput, NotSignedIn

log = logging.getLogger(__name__)
HOW = "Make a token on the page My tokens (/me/tokens/) and send it as `Authorization: Bearer <token>`."
USED_AT_MOST_EVERY = timedelta(minutes=1)


def subject(token: ApiToken) -> Subject:
    return Subject.of("api_token", token.pk, f"{token.prefix}…{token.last4}")


def from_authorization(header: str) -> str | None:
    """The token in an `Authorization` header; None when the header is empty or speaks of something else.

    Basic authentication carries it as the password, whatever the user name, since some clients know only that.
    """
    scheme, _, rest = header.strip().partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if scheme.lower() != "basic":
        return None
    try:
        user_and_password = base64.b64decode(rest.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise NotSignedIn(f"The Basic credentials cannot be read. {HOW}", code="token_malformed") from error
    return user_and_password.partition(":")[2]


def find(raw: str) -> ApiToken | None:
    """The stored token of this secret, whatever its state."""
    if not secrets.is_well_formed(raw):
        return None
    wanted = secrets.keyed_hash(raw)
    row = (
        ApiToken.objects.select_related("person", "service_account__responsible")
        .annotate(expired=Q(expires_at__lte=Now()), used_lately=Q(last_used_at__gt=Now() - USED_AT_MOST_EVERY))
        .filter(secret_hash=wanted)
        .first()
    )
    return row if row is not None and hmac.compare_digest(bytes(row.secret_hash), wanted) else None


def why_not(token: ApiToken) -> tuple[str, str]:
    """The code and the sentence that say why the token is no longer accepted; two empty texts when it is."""
    if token.revoked_at is not None:
        return "token_revoked", f"The token {token.prefix}… was revoked. {HOW}"
    if token.expired:  # type: ignore[attr-defined]  # annotated by find()
        return "token_expired", f"The token {token.prefix}… expired on {token.expires_at:%Y-%m-%d %H:%M} UTC. {HOW}"
    account = token.service_account
    if account is not None and not account.is_active:
        return "owner_disabled", "The service account of this token is disabled. An administrator can enable it."
    human = account.responsible if account is not None else token.person
    if human is None or not human.is_active:
        who = "person responsible for this service account" if account is not None else "owner of this token"
        return "owner_disabled", f"The {who} is disabled. An administrator can help."
    return "", ""


def authenticate_token(
    raw: str, *, via: Via = "api", request_id: str = "", source_ip: str = "", user_agent: str = ""
) -> Actor:
    """The actor behind the token. Raises `NotSignedIn` that says what is wrong with it and what to do."""
    if not secrets.looks_like_token(raw):
        raise NotSignedIn(f"This is not a token of this portal. {HOW}", code="token_malformed")
    token = find(raw)
    if token is None:
        raise NotSignedIn(f"This token is unknown. Check that it was copied in full. {HOW}", code="token_unknown")
    code, sentence = why_not(token)
    if code:
        raise NotSignedIn(sentence, code=code)
    if not token.used_lately:  # type: ignore[attr-defined]  # annotated by find()
        _used(token)
    return actor_of_token(token, via=via, request_id=request_id, source_ip=source_ip, user_agent=user_agent)


def _used(token: ApiToken) -> None:
    """Note it; a database that takes no changes just now keeps nobody from reading."""
    rows = ApiToken.objects.filter(pk=token.pk)
    try:
        with transaction.atomic():
            rows.filter(Q(last_used_at=None) | Q(last_used_at__lte=Now() - USED_AT_MOST_EVERY)).update(
                last_used_at=Now()
            )
    except Error as error:
        log.warning("that the token %s… was used is not noted: %s", token.prefix, outages.briefly(error))


def refuse_in_query(values: Iterable[str]) -> None:
    """Raise `BadInput` when a token stands among the values of a query string, where logs and histories keep it."""
    raw = next((value for value in values if secrets.looks_like_token(value)), None)
    if raw is None:
        return
    error = BadInput(
        "Do not put a token into the address: it ends up in logs. Send it in the Authorization header, "
        "and revoke the one you have just used.",
        code="token_in_query",
        status=400,
    )
    token = find(raw)
    if token is not None:
        recorder.refusing(error, "authz.denied", actor=ANONYMOUS, subject=subject(token))
    raise error
