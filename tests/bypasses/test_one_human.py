"""Two accounts of one human are one pair of eyes."""

import pytest
from django.db import IntegrityError, transaction

from deployments.services import bypasses, promotions
from portal.accounts.models import Person
from portal.accounts.policies.mailboxes import mailbox
from portal.core.errors import NotAllowed
from tests import world
from tests.deployments.bypassing import RULE, ask, blocked, grant, used
from tests.deployments.conftest import Line
from tests.deployments.pages.conftest import Browser


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("marta@example.org", "Marta@Example.ORG", True),
        ("marta@example.org", "marta+2@example.org", True),
        ("marta@example.org", "ｍarta@example.org", True),
        ("marta.kowalska@gmail.com", "martakowalska+x@googlemail.com", True),
        ("marta.kowalska@example.org", "martakowalska@example.org", False),
        ("marta@example.org", "marta@example.com", False),
        ("marta@example.org", "daniel@example.org", False),
    ],
)
def test_addresses_of_one_mailbox(first: str, second: str, same: bool) -> None:
    assert (mailbox(first) == mailbox(second)) == same


def twin(line: Line, of: Person, name: str = "Second Account") -> Person:
    """Another account, with the right role, whose mail goes to the same place."""
    made = world.person(name, ("ml_lead", line.team))
    local, _, domain = of.email.partition("@")
    made.email = f"{local}+2@{domain}"
    made.save(update_fields=["email"])
    return made


@pytest.mark.django_db
@pytest.mark.parametrize("part", ["requester", "uploader"])
def test_whoever_asked_or_registered_cannot_approve_with_a_second_account(line: Line, part: str) -> None:
    row = line.submit(1)
    person = getattr(row, part)
    other = twin(line, person)
    with pytest.raises(NotAllowed) as refusal:
        line.approve(row, other)
    assert refusal.value.code == "four_eyes"
    assert refusal.value.message.startswith(f"You share the mailbox of {person}, who ")
    assert refusal.value.refused_act.verb == "promotion.approved"
    shown = Browser(line.marta).open(f"/promotions/{row.pk}/")
    assert f"Second Account shares the mailbox of {person}" in shown


@pytest.mark.django_db
def test_one_human_approves_once_with_however_many_accounts(line: Line) -> None:
    other = twin(line, line.marta)
    row = line.approve(line.submit(1), line.marta)
    with pytest.raises(NotAllowed, match="Marta Kowalska has approved, and that account has your mailbox"):
        line.approve(row, other)
    assert promotions.verdict(row).have == 1


@pytest.mark.django_db
def test_an_account_that_turns_into_a_second_one_afterwards_does_not_count_either(line: Line) -> None:
    """The address is changed after the approval: what counts is who people are when the rollout starts."""
    third = world.person("Third Lead", ("ml_lead", line.team))
    world.production(approvals=[{"name": "ML lead", "role": "ml_lead", "team": None, "count": 3}])
    row = line.submit(1)
    for person in (line.marta, line.daniel):
        line.approve(row, person)
    local, _, domain = line.marta.email.partition("@")
    line.daniel.email = f"{local}+daniel@{domain}"
    line.daniel.save(update_fields=["email"])
    line.approve(row, third)
    found = promotions.verdict(row)
    assert (found.satisfied, found.have) == (False, 2)
    assert found.lapsed == ((line.daniel.name, f"it is of the same mailbox as that of {line.marta.name}"),)


@pytest.mark.django_db
def test_the_same_address_in_other_letters_is_no_second_account(line: Line) -> None:
    with pytest.raises(IntegrityError, match="person_email_once"), transaction.atomic():
        Person.objects.create(email=line.marta.email.upper(), name="Second")


@pytest.mark.django_db
def test_a_second_account_grants_no_bypass_that_one_asked_for_or_has_granted(line: Line) -> None:
    anybody = RULE | {"by": [{"name": "ML lead", "role": "ml_lead", "team": None, "count": 2}]}
    asked = ask(line, blocked(line, rule=anybody), who=line.marta)
    other = twin(line, line.marta)
    with pytest.raises(NotAllowed, match=f"You share the mailbox of {line.marta}, who asked for this bypass"):
        grant(asked, other)
    grant(asked, line.daniel)
    with pytest.raises(NotAllowed, match=f"You share the mailbox of {line.daniel}, who granted this bypass"):
        grant(asked, twin(line, line.daniel, "Another Account"))


@pytest.mark.django_db
def test_a_second_account_does_not_review_what_one_granted(line: Line) -> None:
    bypass = used(line)
    other = twin(line, line.olga)
    with pytest.raises(NotAllowed, match=f"You share the mailbox of {line.olga}, who granted this bypass"):
        bypasses.review(actor=world.actor(other), number=bypass.pk, upheld=True, comment="It was right.")


@pytest.mark.django_db
def test_the_form_that_asks_names_no_second_account(line: Line) -> None:
    twin(line, line.priya)
    shown = Browser(line.priya).open("/promotions/new/?model=flight-delay&version=1&environment=production")
    assert f"Second Account shares the mailbox of {line.priya}, who asks for it" in shown
