"""Teams: the only walls between people's things."""

from django.db import IntegrityError, transaction
from django.utils.text import slugify

from portal.accounts.models import Team
from portal.accounts.policies import people as policy
from portal.accounts.services.guarded import require
from portal.audit import recorder
from portal.audit.recorder import Subject
from portal.core.actors import Actor
from portal.core.errors import BadInput, Conflict
from portal.core.locking import lock


def subject(team: Team) -> Subject:
    return Subject.of("team", team.pk, team.name)


def _checked_name(name: str) -> str:
    clean = " ".join(name.split())
    if not 1 <= len(clean) <= 120 or not clean.isprintable():
        raise BadInput("A team needs a name of 1 to 120 characters.", fields={"name": "1 to 120 characters"})
    return clean


@transaction.atomic
def create(*, actor: Actor, name: str, slug: str = "") -> Team:
    """A new team. Its slug is made from the name when none is given, and stays for ever."""
    clean = _checked_name(name)
    made = slugify(slug or clean)[:60]
    require(policy.may_manage(actor), "team.created", actor=actor, subject=Subject.of("team", "new", clean))
    if not made or (slug and made != slug):
        text = "Use small letters, digits and hyphens, for example flight-operations."
        raise BadInput(text, fields={"slug": text})
    try:
        with transaction.atomic():
            row = Team.objects.create(name=clean, slug=made)
    except IntegrityError as error:
        raise Conflict("There is a team with this name or slug already.", code="team_exists") from error
    recorder.record("team.created", actor=actor, subject=subject(row), after={"name": row.name, "slug": row.slug})
    return row


@transaction.atomic
def rename(*, actor: Actor, slug: str, name: str) -> Team:
    """Another name for the team; its slug and links stay."""
    row = lock(Team.objects.filter(slug=slug))
    clean = _checked_name(name)
    require(policy.may_manage(actor, row.pk), "team.changed", actor=actor, subject=subject(row))
    before = row.name
    row.name = clean
    try:
        with transaction.atomic():
            row.save(update_fields=["name"])
    except IntegrityError as error:
        raise Conflict("There is a team with this name already.", code="team_exists") from error
    recorder.record("team.changed", actor=actor, subject=subject(row), before={"name": before}, after={"name": clean})
    return row
