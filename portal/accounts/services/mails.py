"""Mails about one's own credentials: what is to be sent is a job, and the worker writes the mail."""

from django.db import transaction

from portal.core import clock, ids, jobs

RESET, CHANGED = "accounts.mail_reset", "accounts.mail_change"


@transaction.atomic
def reset_password(person_id: int) -> None:
    """Somebody asked for a new password for this person."""
    jobs.enqueue(RESET, key=f"{RESET}:{ids.new_id()}", args={"person": person_id})


@transaction.atomic
def credential_changed(person_id: int, what: str) -> None:
    """Something the person signs in with was changed; `what` is the sign-in library's name for it."""
    args = {"person": person_id, "what": what, "at": clock.now().isoformat(timespec="seconds")}
    jobs.enqueue(CHANGED, key=f"{CHANGED}:{ids.new_id()}", args=args)
