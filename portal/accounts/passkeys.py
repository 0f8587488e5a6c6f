"""Passkeys: whose one is, and as a second look, a challenge for one session and one decision."""

import hashlib
import json
import os
from typing import Any

from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal.auth import get_credentials, get_server, parse_registration_response
from django.http import HttpRequest
from fido2 import cbor
from fido2.utils import websafe_decode
from fido2.webauthn import UserVerificationRequirement

from portal.accounts.models import PasskeyHolder, Person
from portal.core import clock, digests

SESSION_KEY = "step_up_passkey"
ANSWER_WITHIN_SECONDS = 300


def key_of(credential: Any) -> str:
    """What a passkey is known by: the digest of the public key in the answer it was enrolled with."""
    data = parse_registration_response(credential).response.attestation_object.auth_data.credential_data
    if data is None:
        raise get_adapter().validation_error("incorrect_code")
    return digests.of_bytes(cbor.encode(dict(data.public_key)))


def is_anothers(person: Person, credential: Any) -> bool:
    """Whether another account had it before."""
    return PasskeyHolder.objects.filter(key=key_of(credential)).exclude(person=person).exists()


def claim(person: Person, credential: Any) -> bool:
    """Whether the passkey is this person's, which it is from now on if nobody had it before."""
    held, _ = PasskeyHolder.objects.get_or_create(key=key_of(credential), defaults={"person": person})
    return held.person_id == person.pk


def _bound(nonce: bytes, binding: str) -> bytes:
    return nonce + hashlib.sha256(binding.encode()).digest()


def challenge(request: HttpRequest, person: Person, binding: str) -> dict[str, Any]:
    """Options for the browser's `navigator.credentials.get`; what is expected back stays in the session."""
    options, state = get_server().authenticate_begin(
        credentials=get_credentials(person),
        user_verification=UserVerificationRequirement.PREFERRED,
        challenge=_bound(os.urandom(32), binding),
    )
    request.session[SESSION_KEY] = {"state": state, "binding": binding, "at": clock.now().timestamp()}
    return dict(options)


def matches(request: HttpRequest, person: Person, answer: str, binding: str) -> bool:
    """Whether the answer fits the one open challenge of this session, for this very decision. Asked once."""
    opened = request.session.pop(SESSION_KEY, None)
    if opened is None or opened["binding"] != binding:
        return False
    if clock.now().timestamp() - opened["at"] > ANSWER_WITHIN_SECONDS:
        return False
    asked = websafe_decode(opened["state"]["challenge"])
    if asked != _bound(asked[:32], binding):
        return False
    try:
        used = get_server().authenticate_complete(opened["state"], get_credentials(person), json.loads(answer))
    except (ValueError, TypeError, KeyError):
        return False
    for factor in Authenticator.objects.filter(user=person, type=Authenticator.Type.WEBAUTHN):
        if factor.wrap().authenticator_data.credential_data.credential_id == used.credential_id:
            factor.record_usage()
            return claim(person, factor.data["credential"])
    return False
