"""A fresh second look at the person: bound to one decision, at most five minutes old, used once.

The sign-in library's own re-authentication check is not used: it is not bound to what is decided, and it passes
without any look for people who have neither password nor second factor here.
"""

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from allauth.mfa.models import Authenticator
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest
from redis.exceptions import RedisError

from portal.accounts import limits, passkeys
from portal.accounts.models import Person, StepUp
from portal.audit import recorder
from portal.audit.recorder import Subject
from portal.core import digests
from portal.core.actors import Actor
from portal.core.errors import BadInput, NotAllowed, PortalError, StepUpRequired, Unavailable, note_refusal
from portal.core.locking import lock_all

MAX_AGE = timedelta(minutes=5)
METHODS = ("password", "totp", "passkey")
WORDS = {"password": "your password", "totp": "a one-time code", "passkey": "a passkey"}
BINDING = re.compile(r"sha256:[0-9a-f]{64}")
TRIES, TRIES_WINDOW = 5, 300
SLOW_TRIES, SLOW_WINDOW = 50, 3600


def session_hash(actor: Actor) -> str:
    """Names the session without giving it away."""
    return digests.of_bytes(actor.session_or_token_id.encode())


def _fresh(actor: Actor, binding: str, methods: Iterable[str]) -> QuerySet[StepUp, Any]:
    return StepUp.objects.filter(
        person_id=actor.person_id or 0,
        session_key_hash=session_hash(actor),
        binding=binding,
        method__in=list(methods),
        used_at=None,
        at__gt=Now() - MAX_AGE,
    )


def present(*, actor: Actor, binding: str, methods: Iterable[str]) -> bool:
    """Whether an unused look bound to this decision is at hand."""
    return actor.is_person and _fresh(actor, binding, methods).exists()


def consume(*, actor: Actor, binding: str, methods: Iterable[str]) -> StepUp:
    """Use up the look bound to this decision, in the decision's transaction; raises `StepUpRequired` without one."""
    allowed = list(methods)
    rows: list[StepUp] = lock_all(_fresh(actor, binding, allowed)) if actor.is_person else []
    if not rows:
        raise StepUpRequired(
            f"Show that it is you, by {in_words(allowed)}, then do it within five minutes.",
            binding=binding,
            methods=allowed,
        )
    StepUp.objects.filter(pk=rows[-1].pk).update(used_at=Now())
    return rows[-1]


def in_words(methods: Iterable[str]) -> str:
    return " or ".join(WORDS[method] for method in methods)


def available(person: Person) -> list[str]:
    """The methods this person can use: a password if they have one, and the second factors they enrolled."""
    kinds = set(Authenticator.objects.filter(user=person).values_list("type", flat=True))
    found = ["password"] if person.has_usable_password() else []
    found += ["totp"] if Authenticator.Type.TOTP in kinds else []
    return found + (["passkey"] if Authenticator.Type.WEBAUTHN in kinds else [])


def verify(*, request: HttpRequest, actor: Actor, method: str, secret: str, binding: str) -> StepUp:
    """Look at the person again and remember it for `binding`.

    `secret` is the password, the one-time code, or the browser's answer to the passkey challenge as JSON. Raises
    `NotAllowed` (step_up_failed) when it is wrong, `TooManyAttempts`, or `Unavailable` when attempts cannot be counted.
    """
    person = _person(actor, method, binding)
    who = f"{person.pk}:{limits.client_ip(request)}"
    limits.spend("step_up", who, limit=TRIES, seconds=TRIES_WINDOW)
    limits.spend("step_up_slow", str(person.pk), limit=SLOW_TRIES, seconds=SLOW_WINDOW)
    if not _right(request, person, method, secret, binding):
        raise recorder.refusing(
            NotAllowed(f"That did not match. Try again with {WORDS[method]}.", code="step_up_failed", method=method),
            "auth.step_up_failed",
            actor=actor,
            subject=_subject(person),
            method=method,
            binding=binding,
        )
    limits.forget("step_up", who)
    limits.give_back("step_up_slow", str(person.pk))
    return _remember(actor, person, method, binding)


@transaction.atomic
def _remember(actor: Actor, person: Person, method: str, binding: str) -> StepUp:
    row = StepUp.objects.create(person=person, session_key_hash=session_hash(actor), method=method, binding=binding)
    data = {"method": method, "binding": binding}
    recorder.record("auth.step_up_succeeded", actor=actor, subject=_subject(person), data=data)
    row.refresh_from_db()
    return row


def _subject(person: Person) -> Subject:
    return Subject.of("person", person.pk, f"Person {person.pk}")


def _person(actor: Actor, method: str, binding: str) -> Person:
    if not actor.is_person:
        raise NotAllowed("Only a person in a session can show that it is them, not a token.", code="session_needed")
    if not BINDING.fullmatch(binding):
        text = "The binding names what you decide: sha256: and 64 hexadecimal digits, as the refusal gave it."
        raise BadInput(text, fields={"binding": text})
    person = Person.objects.get(pk=actor.person_id or 0)
    can = available(person)
    if method not in can:
        known = ", ".join(can) or "nothing yet: set a password or enrol a second factor on My security (/me/security/)"
        text = f"You have no such method. You can use: {known}."
        raise BadInput(text, fields={"method": text}, code="method_unavailable")
    return person


def _right(request: HttpRequest, person: Person, method: str, secret: str, binding: str) -> bool:
    if method == "password":
        return person.check_password(secret)
    if method == "passkey":
        return passkeys.matches(request, person, secret, binding)
    return _totp(person, secret)


def _totp(person: Person, code: str) -> bool:
    """A code counts once for the whole portal, which the library remembers in the cache."""
    factor = Authenticator.objects.get(user=person, type=Authenticator.Type.TOTP)
    try:
        return bool(factor.wrap().validate_code(code.strip()))
    except (RedisError, OSError) as error:
        raise Unavailable(limits.CLOSED, code="limits_unavailable") from error


def begin_passkey(*, request: HttpRequest, actor: Actor, binding: str) -> dict[str, Any]:
    """The challenge for the browser; it holds the binding, so an answer cannot serve another decision."""
    return passkeys.challenge(request, _person(actor, "passkey", binding), binding)


def try_method(*, request: HttpRequest, actor: Actor, method: str, secret: str, binding: str) -> str:
    """For forms: `verify`, with a wrong answer as the sentence to show beside the field instead of an error page."""
    try:
        verify(request=request, actor=actor, method=method, secret=secret, binding=binding)
    except PortalError as error:
        if error.status not in (403, 422, 429):
            raise
        note_refusal(error)
        return error.message
    return ""
