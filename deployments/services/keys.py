"""Endpoint keys: what callers of an endpoint carry where the gateway asks for one. A key leaves `create` once."""

import hashlib
from dataclasses import dataclass

from django.db import transaction

from deployments.models import Endpoint, EndpointKey
from deployments.selectors import keys as read
from deployments.services import endpoints
from portal.accounts import access, secrets, stepup
from portal.accounts.permissions import Permission
from portal.accounts.policies import credentials
from portal.accounts.services.guarded import require
from portal.audit import recorder
from portal.audit.recorder import Subject
from portal.core import clock, digests
from portal.core.actors import Actor
from portal.core.errors import BadInput, Refused
from portal.core.locking import lock

METHODS = ("password", "totp", "passkey")
MOST = 200
NAME = "Give the key a name of 1 to 80 characters that says who calls with it."


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key and its secret, to be shown once."""

    key: EndpointKey
    secret: str


def hashed(secret: str) -> str:
    """What the gateway knows of a key."""
    return hashlib.sha256(secret.encode()).hexdigest()


def own(endpoint: Endpoint) -> str:
    """The key that the portal itself calls the endpoint with, when somebody tries it from its page."""
    return secrets.keyed_hash(f"the portal's own key of endpoint {endpoint.pk}").hex()


def hashes(endpoint: Endpoint) -> frozenset[str]:
    """All that the gateway should let in now, the portal's own among them."""
    return frozenset({hashed(own(endpoint)), *read.in_force(endpoint).values_list("hash", flat=True)})


def binding(endpoint: Endpoint) -> str:
    """What the step-up is bound to before a person makes a key."""
    return digests.of_json({"act": "endpoint_key.make", "endpoint": endpoint.pk})


def subject(row: EndpointKey) -> Subject:
    return Subject.of("endpoint_key", row.pk, str(row))


@transaction.atomic
def create(*, actor: Actor, environment: str, endpoint: str, name: str, days: int | None = None) -> NewKey:
    """A key for one caller of one endpoint, for 1 to 365 days, 90 unless said otherwise.

    A person needs a step-up bound to `binding(endpoint)`; a token needs the scope "keys".
    """
    row = endpoints.find(actor=actor, environment=environment, endpoint=endpoint)
    nothing_yet = Subject.of("endpoint_key", "new", f"of {row}")
    allowed = access.may(actor, Permission.ENDPOINTS_KEYS, row.team_id)
    require(allowed, "endpoint_key.made", actor=actor, subject=nothing_yet)
    clean, ends = _checked(name), credentials.expiry(clock.now(), days)
    locked = lock(Endpoint.objects.filter(pk=row.pk))
    if read.in_force(locked).count() >= MOST:
        raise Refused(f"This endpoint has {MOST} keys in force. Revoke those nobody uses.", code="too_many_keys")
    if actor.is_person:
        stepup.consume(actor=actor, binding=binding(locked), methods=METHODS)
    secret = secrets.new_token("key")
    prefix, last4 = secrets.shown(secret)
    made = EndpointKey.objects.create(
        endpoint=locked,
        name=clean,
        prefix=prefix,
        last4=last4,
        hash=hashed(secret),
        made_by_id=actor.person_id,
        expires_at=ends,
    )
    data = {"endpoint": str(row), "expires_at": ends.isoformat()}
    recorder.record("endpoint_key.made", actor=actor, subject=subject(made), data=data)
    endpoints.look_at(locked)
    return NewKey(made, secret)


@transaction.atomic
def revoke(*, actor: Actor, environment: str, endpoint: str, key_id: str) -> EndpointKey:
    """End a key: the gateway stops taking it within seconds."""
    row = endpoints.find(actor=actor, environment=environment, endpoint=endpoint)
    found = read.find(row, key_id)
    allowed = access.may(actor, Permission.ENDPOINTS_KEYS, row.team_id)
    require(allowed, "endpoint_key.revoked", actor=actor, subject=subject(found))
    locked = lock(Endpoint.objects.filter(pk=row.pk))
    fresh = lock(EndpointKey.objects.filter(pk=found.pk))
    if fresh.revoked_at is not None:
        raise Refused("This key is revoked already.", code="revoked_already")
    fresh.revoked_at = clock.now()
    fresh.save(update_fields=["revoked_at"])
    recorder.record("endpoint_key.revoked", actor=actor, subject=subject(fresh), data={"endpoint": str(row)})
    endpoints.look_at(locked)
    return fresh


def _checked(name: str) -> str:
    clean = " ".join(name.split())
    if not 1 <= len(clean) <= 80 or not clean.isprintable():
        raise BadInput(NAME, fields={"name": NAME})
    return clean
