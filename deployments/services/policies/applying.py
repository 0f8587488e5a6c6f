"""Policies as a file: all of them written out, and proposals for what a file has different."""

from dataclasses import dataclass, replace

from django.db import transaction

from deployments.models import PolicyVersion
from deployments.policies import change, documents
from deployments.selectors import policies as select
from deployments.services.policies import deciding, drafting, retiring
from deployments.states import policy as states
from portal.core import digests
from portal.core.actors import Actor

FROM_A_FILE = "Applied from a file"


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of one policy of a file: equal, proposed_already or proposed; `change` is the proposal's number."""

    environment: str
    tier: str
    outcome: str
    change: int | None = None


def export() -> str:
    """All policies in force as YAML."""
    rows = select.versions().filter(status=states.IN_FORCE)
    return documents.write([(str(row), _entry(row)) for row in rows.order_by("policy__environment__position", "pk")])


def _entry(row: PolicyVersion) -> documents.Entry:
    return documents.Entry(row.policy.environment.name, row.policy.tier, row.content)


@transaction.atomic
def apply(*, actor: Actor, text: str, why: str = "", dry_run: bool = False) -> list[Applied]:
    """Propose a change for each policy of the file that differs from what is in force; applying twice changes nothing.

    Policies the file does not name stay. All or nothing: an entry that is refused undoes those before it. With
    `dry_run` everything is undone, and what would be proposed has no number.
    """
    change.may_draft(actor).require()
    entries = documents.read(text)
    with transaction.atomic():
        found = [_apply(actor, entry, why) for entry in entries]
        if dry_run:
            transaction.set_rollback(True)
            return [replace(one, change=None) if one.outcome == "proposed" else one for one in found]
    return found


def _apply(actor: Actor, entry: documents.Entry, why: str) -> Applied:
    if entry.rules is None:
        return _retire(actor, entry, why)
    wanted = digests.of_json(entry.rules)
    rows = PolicyVersion.objects.filter(
        policy__environment__name=entry.environment, policy__tier=entry.tier, digest=wanted
    )
    if rows.filter(status=states.IN_FORCE).exists():
        return Applied(entry.environment, entry.tier, "equal")
    waiting = rows.filter(status="proposed", falls_to=None).first()
    if waiting:
        return Applied(entry.environment, entry.tier, "proposed_already", waiting.pk)
    place = {"environment": entry.environment, "tier": entry.tier}
    return _propose(actor, entry, drafting.draft(actor=actor, **place, rules=entry.rules, why=why or FROM_A_FILE))


def _retire(actor: Actor, entry: documents.Entry, why: str) -> Applied:
    """The same for an entry that wants the tier to have no policy of its own."""
    place = drafting.where(entry.environment, entry.tier)
    own = select.own(place.pk, entry.tier)
    if own is None:
        return Applied(entry.environment, entry.tier, "equal")
    wanted = retiring.digest(own.policy, select.in_force(place.pk))
    waiting = PolicyVersion.objects.filter(policy=own.policy_id, status="proposed", digest=wanted).first()
    if waiting:
        return Applied(entry.environment, entry.tier, "proposed_already", waiting.pk)
    row = retiring.retire(actor=actor, environment=entry.environment, tier=entry.tier, why=why or FROM_A_FILE)
    return _propose(actor, entry, row)


def _propose(actor: Actor, entry: documents.Entry, row: PolicyVersion) -> Applied:
    deciding.propose(actor=actor, change_id=row.pk, seen=row.digest)
    return Applied(entry.environment, entry.tier, "proposed", row.pk)
