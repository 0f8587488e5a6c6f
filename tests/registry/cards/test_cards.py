"""Cards: what they are made of, what is missing, who may write, and what the log keeps."""

from dataclasses import replace

import pytest
from django.db import DatabaseError, transaction

from portal.audit.models import AuditEvent
from portal.core.actors import Actor
from portal.core.errors import BadInput, NotAllowed, NotFound, Refused, Stale
from registry.cards.compose import Card, Claim, Record, SectionView, Text, compose
from registry.cards.sections import SECTIONS, TIERS
from registry.models import CardText, ModelVersion
from registry.selectors import cards as read
from registry.services import cards
from tests import world

FULL = {one.key: [Claim("What", "so", "/x/", Record("thing", "1", "sha256:1"))] for one in SECTIONS}
WRITTEN = Text("It warns passengers.", "Priya", "2026-11-01T00:00:00+00:00", 3)
TEXTS = {one.key: WRITTEN for one in SECTIONS if one.source == "person"}


def card(version: int = 3, tier: str = "high", **parts: object) -> Card:
    given: dict[str, object] = {"claims": FULL, "texts": TEXTS} | parts
    return compose(model="m", version=version, tier=tier, owner="Olga Owner", **given)  # type: ignore[arg-type]


def view(of: Card, key: str) -> SectionView:
    return next(one for one in of.sections if one.section.key == key)


@pytest.mark.parametrize("tier", TIERS)
def test_with_everything_it_is_complete_and_with_nothing_all_that_is_required_is_missing(tier: str) -> None:
    assert card(tier=tier).complete
    empty = card(tier=tier, claims={}, texts={})
    assert [one.key for one in empty.missing] == [one.key for one in SECTIONS if one.required(tier)]
    assert {one.owner for one in empty.missing} == {"Olga Owner"}


@pytest.mark.parametrize("key", [one.key for one in SECTIONS])
def test_each_section_taken_away_is_the_one_that_is_missing(key: str) -> None:
    claims = {name: one for name, one in FULL.items() if name != key}
    texts = {name: one for name, one in TEXTS.items() if name != key}
    found = card(claims=claims, texts=texts)
    assert [one.key for one in found.missing] == [key]
    assert found.digest != card().digest


def test_a_text_stands_in_for_a_record_only_where_either_may_answer() -> None:
    gone = [Claim("Data sets", unknown="Its run names no data set.")]
    lost = {"training_data": gone, "metrics": gone}
    texts = TEXTS | dict.fromkeys(lost, WRITTEN)
    assert [one.key for one in card(claims=FULL | lost, texts=texts).missing] == ["metrics"]


def test_an_inherited_text_counts_for_the_model_but_not_for_the_version() -> None:
    later = card(version=4)
    assert {one.key for one in later.missing} == {"limitations", "risks"}
    assert view(later, "intended_use").inherited
    assert "v3" in view(later, "risks").why


def test_the_digest_covers_what_is_said_and_not_where_it_stands() -> None:
    one = FULL["metrics"][0]
    moved = replace(one, link="/y/", record=Record("thing", "2", "sha256:1"))
    assert card(claims=FULL | {"metrics": [moved]}).digest == card().digest
    for other in (replace(one, value="other"), replace(one, record=Record("thing", "1", "sha256:2"))):
        assert card(claims=FULL | {"metrics": [other]}).digest != card().digest


@pytest.fixture
def version(db: None) -> ModelVersion:
    return world.version(world.model())


@pytest.fixture
def priya(version: ModelVersion) -> Actor:
    return world.actor(world.person("Priya", ("data_scientist", version.model.team)))


def wrote(who: Actor, row: ModelVersion, text: str, section: str = "risks") -> CardText:
    seen = view(read.of(row), section).seen
    return cards.write(actor=who, model=row.model.name, number=row.number, section=section, text=text, seen=seen)


def test_records_fill_what_they_know_and_the_rest_is_unknown(version: ModelVersion) -> None:
    world.scanned(version)
    found = read.of(version)
    assert view(found, "artifact").known
    assert view(found, "signature").known
    assert {"intended_use", "owner", "metrics"} <= {one.key for one in found.missing}
    values = {one.label: one.value for one in view(found, "artifact").claims}
    assert values == {"Digest": version.digest, "Scan": "Clean", "Signed statement": "holds"}
    before = found.digest
    world.scanned(version)
    assert read.of(version).digest == before, "the same look again says nothing new"
    assert found.as_json()["digest"] == before


def test_a_text_is_kept_with_its_author_and_the_log_has_no_word_of_it(version: ModelVersion, priya: Actor) -> None:
    wrote(priya, version, "Storms are rare in the data.")
    text = view(read.of(version), "risks").text
    assert text is not None
    assert (text.text, text.author, text.version) == ("Storms are rare in the data.", "Priya", 1)
    event = AuditEvent.objects.get(type="model_card.written")
    assert b"Storms" not in bytes(event.canon)


def test_who_has_not_seen_what_stands_there_writes_nothing(version: ModelVersion, priya: Actor) -> None:
    wrote(priya, version, "First.")
    with pytest.raises(Stale):
        cards.write(actor=priya, model=version.model.name, number=1, section="risks", text="Mine.", seen="")
    assert CardText.objects.count() == 1


def test_a_later_version_confirms_and_an_older_one_does_not_hear_of_it(version: ModelVersion, priya: Actor) -> None:
    wrote(priya, version, "First.")
    second = world.version(version.model)
    assert not view(read.of(second), "risks").known
    seen = view(read.of(second), "risks").seen
    cards.confirm(actor=priya, model=version.model.name, number=2, section="risks", seen=seen)
    assert view(read.of(second), "risks").known
    seen = view(read.of(second), "risks").seen
    with pytest.raises(Refused):
        cards.confirm(actor=priya, model=version.model.name, number=2, section="risks", seen=seen)
    wrote(priya, second, "Second.")
    texts = [read.texts(row)["risks"].text for row in (version, second)]
    assert texts == ["First.", "Second."]


def test_only_who_may_edit_the_model_writes_and_only_what_people_write(version: ModelVersion, priya: Actor) -> None:
    with pytest.raises(NotAllowed):
        wrote(world.actor(world.person("Vera", ("viewer", version.model.team))), version, "x")
    with pytest.raises(NotFound):
        wrote(priya, version, "x", "metrics")
    for bad in ("  ", "x" * (cards.LONGEST + 1)):
        with pytest.raises(BadInput):
            wrote(priya, version, bad)


def test_a_text_is_never_changed(version: ModelVersion, priya: Actor) -> None:
    made = wrote(priya, version, "First.")
    with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
        CardText.objects.filter(pk=made.pk).update(text="Other.")
