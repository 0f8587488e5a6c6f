"""People: creating, disabling and enabling them, and what they change about themselves."""

from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from portal.accounts.models import Person
from portal.accounts.policies import people as policy
from portal.accounts.services import roles
from portal.accounts.services.guarded import require
from portal.audit import recorder
from portal.audit.recorder import Subject
from portal.core.actors import Actor
from portal.core.errors import BadInput, Conflict, Refused
from portal.core.locking import lock

CHOICES: dict[str, Any] = {"theme": Person.THEMES, "density": Person.DENSITIES}
MISSING = "This person does not exist, or you may not see them."


def subject(person: Person) -> Subject:
    """People appear in the log by number; the name they had is kept apart, where it can be erased."""
    return Subject.of("person", person.pk, f"Person {person.pk}")


def checked_email(email: str) -> str:
    clean = email.strip().lower()
    try:
        validate_email(clean)
    except ValidationError as error:
        text = "Write an e-mail address such as name@example.org."
        raise BadInput(text, fields={"email": text}) from error
    return clean


def checked_name(name: str) -> str:
    clean = " ".join(name.split())
    if not 1 <= len(clean) <= 120 or not clean.isprintable():
        text = "Write a name of 1 to 120 characters."
        raise BadInput(text, fields={"name": text})
    return clean


def check_password(password: str, *, email: str, name: str) -> None:
    """Raise `BadInput` that says what is wrong with a new password."""
    try:
        validate_password(password, Person(email=email, name=name))
    except ValidationError as error:
        raise BadInput(" ".join(error.messages), fields={"password": " ".join(error.messages)}) from error


@transaction.atomic
def create(*, actor: Actor, email: str, name: str, password: str) -> Person:
    """A person who can sign in with this password. For invitations and set-up; has no page of its own."""
    email, name = checked_email(email), checked_name(name)
    check_password(password, email=email, name=name)
    if Person.objects.filter(email=email).exists():
        raise Conflict("Somebody with this e-mail address is here already.", code="person_exists")
    row = Person.objects.create_user(email, password, name=name)
    values: dict[str, Any] = {"name": recorder.commit_value(name), "email": recorder.commit_value(email)}
    recorder.record("person.created", actor=actor, subject=subject(row), data=values)
    return row


@transaction.atomic
def disable(*, actor: Actor, person_id: int, reason: str = "") -> Person:
    """Shut somebody out: their sessions end and their tokens stop with the next request."""
    left = roles.other_administrators(without_person=person_id)
    row = lock(Person.objects.filter(pk=person_id), missing=MISSING)
    decision = policy.may_disable(actor, person_id=row.pk, administrators_left=left)
    require(decision, "person.disabled", actor=actor, subject=subject(row))
    if not row.is_active:
        raise Refused("This person is disabled already.", code="disabled_already")
    row.is_active = False
    row.save(update_fields=["is_active"])
    recorder.record(
        "person.disabled",
        actor=actor,
        subject=subject(row),
        before={"is_active": True},
        after={"is_active": False},
        reason=reason.strip()[:2000],
    )
    for session in UserSession.objects.filter(user=row):
        session.end()
    return row


@transaction.atomic
def enable(*, actor: Actor, person_id: int) -> Person:
    """Let somebody back in. Their roles and tokens count again, as far as they have not been taken or expired."""
    row = lock(Person.objects.filter(pk=person_id), missing=MISSING)
    require(policy.may_manage(actor), "person.enabled", actor=actor, subject=subject(row))
    if row.is_active:
        raise Refused("This person is not disabled.", code="enabled_already")
    row.is_active = True
    row.save(update_fields=["is_active"])
    recorder.record(
        "person.enabled", actor=actor, subject=subject(row), before={"is_active": False}, after={"is_active": True}
    )
    return row


@transaction.atomic
def rename_self(*, actor: Actor, name: str) -> Person:
    """What others call the person; the address to sign in with stays."""
    if not actor.is_person:
        raise BadInput("Only a person in a session changes their own name.", code="session_needed", status=403)
    row = lock(Person.objects.filter(pk=actor.person_id or 0))
    before, row.name = row.name, checked_name(name)
    row.save(update_fields=["name"])
    recorder.record(
        "person.changed",
        actor=actor,
        subject=subject(row),
        before={"name": recorder.commit_value(before)},
        after={"name": recorder.commit_value(row.name)},
    )
    return row


def set_preferences(*, actor: Actor, **values: str | bool) -> None:
    """How the pages look to this person: `theme`, `density`, `shortcuts`. A matter of taste, so not in the log."""
    known = {"theme", "density", "shortcuts"}
    if set(values) - known:
        raise BadInput(f"There is no such preference. Known: {', '.join(sorted(known))}.")
    for name in CHOICES:
        choices = [key for key, _ in CHOICES[name]]
        if name in values and values[name] not in choices:
            raise BadInput(f"{name} is one of: {', '.join(choices)}.", fields={name: ", ".join(choices)})
    if values:
        Person.objects.filter(pk=actor.person_id or 0).update(**values)
