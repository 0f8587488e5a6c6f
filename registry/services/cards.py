"""What people write into a model card: a section from a version on, or that a text holds for a later version too."""

from django.db import transaction

from portal.accounts import access
from portal.accounts.permissions import Permission
from portal.audit import recorder
from portal.core import digests
from portal.core.actors import Actor
from portal.core.errors import BadInput, NotFound, Refused, Stale
from portal.core.locking import lock
from registry.cards.compose import Text
from registry.cards.sections import BY_KEY, Section
from registry.models import CardText, ModelVersion, RegisteredModel
from registry.selectors import cards
from registry.services import versions

LONGEST = 20_000


def section_of(key: str) -> Section:
    """The section that people write; `NotFound` for one that there is not, or that only records fill."""
    found = BY_KEY.get(key)
    if found is None or not found.written:
        known = ", ".join(one.key for one in BY_KEY.values() if one.written)
        raise NotFound(f"{key} is no section that people write; there are {known}.")
    return found


@transaction.atomic
def write(*, actor: Actor, model: str, number: int, section: str, text: str, seen: str) -> CardText:
    """Put a text into a section, from this version on. `seen` is the digest of the text that stood there, "" for none;
    raises `Stale` when another stands there now."""
    found, row = section_of(section), _locked(actor, model, number)
    said = text.replace("\r\n", "\n").strip()
    if not said:
        raise BadInput(f"Write something about {found.title.lower()}.", fields={"text": "empty"})
    if len(said) > LONGEST:
        raise BadInput("A section has at most 20,000 characters.", fields={"text": "too long"})
    before = _unchanged(row, found, seen)
    again = before is not None and before.version < row.number and before.text == said
    return _keep(actor, row, found, said, before, "model_card.confirmed" if again else "model_card.written")


@transaction.atomic
def confirm(*, actor: Actor, model: str, number: int, section: str, seen: str) -> CardText:
    """Say that the text of an earlier version holds for this one."""
    found, row = section_of(section), _locked(actor, model, number)
    before = _unchanged(row, found, seen)
    if before is None or before.version == row.number:
        raise Refused("There is no text of an earlier version to confirm. Write one.", code="nothing_to_confirm")
    return _keep(actor, row, found, before.text, before, "model_card.confirmed")


def _locked(actor: Actor, model: str, number: int) -> ModelVersion:
    """The version, with its model locked: texts of one card are written one after the other."""
    row = versions.find(actor=actor, model=model, number=number)
    access.require(actor, Permission.MODELS_EDIT, row.model.team_id)
    lock(RegisteredModel.objects.filter(pk=row.model_id))
    return row


def _unchanged(row: ModelVersion, section: Section, seen: str) -> Text | None:
    standing = cards.texts(row).get(section.key)
    if (standing.digest if standing else "") != seen:
        raise Stale("Somebody else wrote this section in the meantime. Read what stands there now, then write yours.")
    return standing


def _keep(actor: Actor, row: ModelVersion, section: Section, text: str, before: Text | None, verb: str) -> CardText:
    made = CardText.objects.create(
        version=row,
        section=section.key,
        text=text,
        author=actor.id,
        author_label=actor.label[:200],
        author_person_id=actor.person_id,
    )
    recorder.record(
        verb,
        actor=actor,
        subject=versions.subject(row),
        data={"section": section.key, "text": recorder.commit_value(text)},
        before={"digest": digests.of_json(before.text)} if before else None,
        after={"digest": digests.of_json(text)},
    )
    return made
