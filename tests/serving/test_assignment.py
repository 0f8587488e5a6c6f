"""Units are dealt to the arms evenly, whatever their keys look like, and a raised share moves nobody back."""

import itertools
import random
import string
import uuid
from collections.abc import Callable, Iterator

import pytest

from serving import contract

UNITS = 100_000
POINTS = 0.005
"""Half a percentage point: what a share may be off, of so many units."""
TENTH, FIFTH = 1000, 2000
SALTS = ("", "s", "0f3a9c5e7d21b684")
NAMES = ("Ada", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gus", "Hana", "Ivo", "Joana", "Kim", "Lena", "Max", "Nia", "Otto")
ENDINGS = ("sen", "son", "qvist", "lund", "dal", "vik", "man", "berg", "holm", "gren")
LETTERS = [letter for letter in string.ascii_uppercase if letter not in "IO"]


def numbers() -> Iterator[str]:
    return map(str, itertools.count())


def large_round_numbers() -> Iterator[str]:
    """As of a sequence that leaves room: only the middle digits change."""
    return (str(1000 * number) for number in itertools.count(10_000))


def padded_numbers() -> Iterator[str]:
    return (f"customer-{number:010d}" for number in itertools.count())


def random_uuids() -> Iterator[str]:
    chance = random.Random(4)
    while True:
        yield str(uuid.UUID(int=chance.getrandbits(128), version=4))


def counted_uuids() -> Iterator[str]:
    """As a generator makes them that counts: only the first group changes."""
    return (f"{number:08x}-1dd2-11b2-8000-0242ac120002" for number in itertools.count(0x6A1F0000))


def names() -> Iterator[str]:
    parts = itertools.product(NAMES, NAMES, ENDINGS, range(50))
    return (f"{first} {middle}{ending} {year}" for first, middle, ending, year in parts)


def tail_numbers() -> Iterator[str]:
    """Aircraft of the United States: N, digits without a leading zero, two letters without I and O."""
    parts = itertools.product(range(1, 1000), LETTERS, LETTERS)
    return (f"N{number}{first}{second}" for number, first, second in parts)


def mail_addresses() -> Iterator[str]:
    return (f"user{number}@example.com" for number in itertools.count())


SHAPES = (
    numbers,
    large_round_numbers,
    padded_numbers,
    random_uuids,
    counted_uuids,
    names,
    tail_numbers,
    mail_addresses,
)


@pytest.mark.parametrize("keys", SHAPES, ids=lambda keys: keys.__name__)
def test_shares_are_even_and_a_raised_one_keeps_everybody(keys: Callable[[], Iterator[str]]) -> None:
    units = list(itertools.islice(keys(), UNITS))
    assert len(set(units)) == UNITS
    for salt in SALTS:
        tenth, fifth = (canary(units, salt, cut) for cut in (TENTH, FIFTH))
        assert tenth < fifth, "all earlier units of the canary stay, and only others come"
        assert len(tenth) / UNITS == pytest.approx(0.1, abs=POINTS)
        assert len(fifth) / UNITS == pytest.approx(0.2, abs=POINTS)


def canary(units: list[str], salt: str, cut: int) -> set[str]:
    """The units that the contract deals to the new version at this cut."""
    spec = contract.RouteSpec("production", "any", 1, "old", "new", cut, salt)
    return {unit for unit in units if contract.arm_of(unit, spec) == "canary"}
