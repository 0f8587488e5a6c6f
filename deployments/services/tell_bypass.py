"""Who is told of a bypass. It is loud on purpose: ML leads and administrators of the team hear of every step."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q

from deployments.models import Bypass
from deployments.policies.bypass import BypassFacts, as_approvals, fits_review, had_part
from deployments.policies.promotion import excluded, fits
from deployments.policies.rules import labels
from deployments.selectors import bypass_facts as read
from portal.accounts.models import Person
from portal.accounts.roles import Role
from portal.notices.services import notices
from portal.ui import text

LOUD = (Role.ML_LEAD, Role.ADMINISTRATOR)


def _what(row: Bypass) -> str:
    return f"{', '.join(labels(row.gates))} for {row.request.version} to {row.request.endpoint.environment.name}"


def _everybody(row: Bypass) -> set[int]:
    """ML leads and administrators of the owning team, those of everywhere included, and who asked."""
    team = row.request.endpoint.team_id
    held = Q(role_grants__role__in=LOUD) & (Q(role_grants__team=team) | Q(role_grants__team=None))
    found = Person.objects.filter(held, is_active=True).values_list("pk", flat=True)
    return {*found, row.asker_id, row.requester_id}


def _tell(row: Bypass, people: Iterable[int], step: str, subject: str, message: str) -> None:
    notices.tell(
        person_ids=people,
        kind="bypass",
        dedup=f"{row.pk}.{step}",
        subject=subject,
        text=message,
        url=f"/bypasses/{row.pk}/",
    )


def asked(row: Bypass, able: Iterable[int]) -> None:
    """Everybody hears of it, and `able`, who can grant it, hear that it waits for them."""
    why = f"{row.asker} asks to bypass {_what(row)}, until {text.stamp(row.expires_at)}.\n\n{row.reason}"
    mine = set(able)
    _tell(row, mine, "asked", f"Your decision is needed: a bypass of {_what(row)}", why)
    _tell(row, _everybody(row) - mine, "asked", f"A bypass was asked for: {_what(row)}", why)


def granted(row: Bypass, by: Iterable[str]) -> None:
    names = " and ".join(by)
    message = f"{names} granted it on {row.asker}'s word: {row.reason}\n\nIt runs out {text.stamp(row.expires_at)}."
    _tell(row, _everybody(row), "granted", f"A bypass was granted: {_what(row)}", message)


def used(row: Bypass) -> None:
    past = ", ".join(gate["label"] for gate in row.passed)
    due = text.stamp(row.review_due_at) if row.review_due_at else ""
    message = f"The rollout of request #{row.request_id} began past: {past}.\n\nIts review is owed until {due}."
    _tell(row, _everybody(row), "used", f"Gates were bypassed: {_what(row)}", message)


def ended(row: Bypass, how: str, why: str = "") -> None:
    """Who asked hears that it will not be used, or how it was judged."""
    people = {row.asker_id, row.requester_id}
    _tell(row, people, row.status, f"Your bypass {how}"[:200], f"{_what(row)}. {why}".strip())


def reviewed(row: Bypass) -> None:
    how = "was upheld" if row.status == "upheld" else "was not upheld"
    _tell(row, _everybody(row), "reviewed", f"A bypass {how} in review: {_what(row)}", f"{row.reviewer}: {row.review}")


def owed(row: Bypass, facts: BypassFacts, round_: int, now: datetime) -> None:
    """Chase the review: whoever can give it, and once it is overdue everybody, is told again in each round."""
    due = row.review_due_at
    late = due is not None and due <= now
    able = {p.person_id for p in read.people(facts) if fits_review(p.grants, facts)}
    able = {pk for pk in able if not had_part(pk, facts)}
    how = "is overdue" if late else "is owed"
    message = (
        f"{_what(row)} was bypassed. The review {how}{f' until {text.stamp(due)}' if due and not late else ''}."
        + (" Until it is given, nothing else on this endpoint can be bypassed." if late else "")
    )
    subject = f"The review of a bypass {how}: {_what(row)}"
    _tell(row, able | (_everybody(row) if late else set()), f"owed.{round_}", subject, message)


def can_grant(facts: BypassFacts) -> list[int]:
    """Those who fit a rule of the bypass and had no part in asking."""
    counted = as_approvals(facts)
    fitting = [p for p in read.people(facts) if any(fits(rule, p.grants, counted) for rule in facts.rule.by)]
    return [p.person_id for p in fitting if not excluded(p.person_id, counted)]
