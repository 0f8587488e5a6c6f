"""Passkeys as a second look: a challenge for one session and one decision."""

import hashlib
import json
import os
import time
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal.auth import get_credentials, get_server
from django.http import HttpRequest
from fido2.utils import websafe_decode
from fido2.webauthn import UserVerificationRequirement

from portal.accounts.models import Person

SESSION_KEY = "step_up_passkey"
ANSWER_WITHIN_SECONDS = 300


def _bound(nonce: bytes, binding: str) -> bytes:
    return nonce + hashlib.sha256(binding.encode()).digest()


def challenge(request: HttpRequest, person: Person, binding: str) -> dict[str, Any]:
    """Options for the browser's `navigator.credentials.get`; what is expected back stays in the session."""
    options, state = get_server().authenticate_begin(
        credentials=get_credentials(person),
        user_verification=UserVerificationRequirement.PREFERRED,
        challenge=_bound(os.urandom(32), binding),
    )
    request.session[SESSION_KEY] = {"state": state, "binding": binding, "at": time.time()}
    return dict(options)


def matches(request: HttpRequest, person: Person, answer: str, binding: str) -> bool:
    """Whether the answer fits the one open challenge of this session, for this very decision. Asked once."""
    opened = request.session.pop(SESSION_KEY, None)
    if opened is None or opened["binding"] != binding or time.time() - opened["at"] > ANSWER_WITHIN_SECONDS:
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
            return True
    return False
