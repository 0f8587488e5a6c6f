from collections.abc import Callable

import pytest

from portal.accounts.models import Person
from portal.accounts.services import tokens
from tests import world
from tests.callers import Caller, with_password


@pytest.fixture
def session() -> Callable[[Person], Caller]:
    return lambda person: Caller(with_password(person))


@pytest.fixture
def token() -> Callable[..., Caller]:
    def make(person: Person, *scopes: str) -> Caller:
        made = tokens.create(actor=world.SYSTEM, owner=person, name="ci", scopes=list(scopes), days=30)
        return Caller(token=made.secret)

    return make
