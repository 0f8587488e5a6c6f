"""The description of the API: whole, and each name in it stands for one thing."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from drf_spectacular.drainage import GENERATOR_STATS, reset_generator_stats
from drf_spectacular.generators import SchemaGenerator
from rest_framework.serializers import BaseSerializer


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    """The description; every complaint about it is in `GENERATOR_STATS`."""
    reset_generator_stats()
    generator: Any = SchemaGenerator
    found: dict[str, Any] = generator().get_schema(request=None, public=True)
    return found


def shapes(of: type[Any] = BaseSerializer) -> Iterator[type[Any]]:
    """All serializers there are: asked for once the routes have imported them."""
    for each in of.__subclasses__():
        yield each
        yield from shapes(each)


def test_it_is_made_without_a_complaint(described: dict[str, Any]) -> None:
    assert not list(GENERATOR_STATS._warn_cache) + list(GENERATOR_STATS._error_cache)
    assert len(described["paths"]) > 100


def test_no_two_shapes_of_ours_have_one_name(described: dict[str, Any]) -> None:
    """Also where only one of them is described by now: the other would win as soon as it is."""
    places = defaultdict(set)
    for shape in shapes():
        if ".api." in shape.__module__:
            places[shape.__name__].add(shape.__module__)
    assert len(places) > 50
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_choices_are_named_by_what_they_are(described: dict[str, Any]) -> None:
    """The digest of the library, as in Status438Enum, changes with any word of a choice."""
    named = described["components"]["schemas"]
    assert {"PromotionStatusEnum", "JobStatusEnum", "RoleEnum"} < named.keys()
    assert [name for name in named if name.endswith("Enum") and any(letter.isdigit() for letter in name)] == []
