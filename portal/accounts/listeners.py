"""What the sign-in library announces, written into the log."""

from typing import Any

from allauth.account import signals as account_signals
from allauth.mfa import signals as mfa_signals
from allauth.mfa.models import Authenticator
from django.contrib.auth import signals as auth_signals
from django.db import transaction
from django.dispatch import receiver
from django.http import HttpRequest

from portal.accounts import limits
from portal.accounts.models import Person
from portal.accounts.selectors.actors import actor_of_person
from portal.accounts.services.people import subject
from portal.audit import recorder
from portal.audit.recorder import Subject
from portal.core.actors import Actor


def _record(verb: str, person: Person, request: HttpRequest | None, **data: Any) -> None:
    with transaction.atomic():
        recorder.record(verb, actor=actor_of_person(person, request), subject=subject(person), data=data)


@receiver(auth_signals.user_logged_in)
def signed_in(sender: Any, request: HttpRequest, user: Person, **_: Any) -> None:
    _record("auth.login_succeeded", user, request)


@receiver(auth_signals.user_logged_out)
def signed_out(sender: Any, request: HttpRequest, user: Person | None, **_: Any) -> None:
    if isinstance(user, Person):
        _record("auth.logged_out", user, request)


@receiver(auth_signals.user_login_failed)
def failed(sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    email = str(credentials.get("email", ""))[:254]
    _record_failure(Person.objects.filter(email=email.lower()).first(), email, request, "password")


@receiver(mfa_signals.authentication_failed)
def factor_failed(sender: Any, request: HttpRequest, user: Person, authenticator: Authenticator, **_: Any) -> None:
    _record_failure(user, user.email, request, str(authenticator.type))


def _record_failure(person: Person | None, email: str, request: HttpRequest | None, method: str) -> None:
    """A failed attempt is nobody's act; whom it was aimed at is the subject, and what was typed stays erasable."""
    actor = Actor(
        kind="anonymous",
        id="anonymous",
        label="Anonymous",
        request_id=getattr(request, "request_id", ""),
        source_ip=limits.client_ip(request) if request is not None else "",
        user_agent=request.headers.get("User-Agent", "")[:300] if request is not None else "",
    )
    aimed_at = subject(person) if person is not None else Subject.of("person", "unknown", "Unknown person")
    with transaction.atomic():
        recorder.record(
            "auth.login_failed",
            actor=actor,
            subject=aimed_at,
            data={"method": method, "email": recorder.commit_value(email)},
            outcome="denied",
        )


@receiver([account_signals.password_changed, account_signals.password_set])
def password_changed(sender: Any, request: HttpRequest, user: Person, **_: Any) -> None:
    _record("auth.password_changed", user, request, how="changed")


@receiver(account_signals.password_reset)
def password_reset(sender: Any, request: HttpRequest, user: Person, **_: Any) -> None:
    _record("auth.password_changed", user, request, how="reset by mail")


@receiver([mfa_signals.authenticator_added, mfa_signals.authenticator_reset])
def factor_added(sender: Any, request: HttpRequest, user: Person, authenticator: Authenticator, **_: Any) -> None:
    _record("auth.mfa_enrolled", user, request, method=str(authenticator.type))


@receiver(mfa_signals.authenticator_removed)
def factor_removed(sender: Any, request: HttpRequest, user: Person, authenticator: Authenticator, **_: Any) -> None:
    _record("auth.mfa_removed", user, request, method=str(authenticator.type))
