"""What no text can hold, and texts as long as a body may be, in every text that the API of deployments takes."""

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache, partial
from typing import Any

import pytest
from django.urls import reverse
from drf_spectacular.generators import SchemaGenerator

from tests.access.test_matrix import ask
from tests.access.test_matrix import world as world
from tests.access.world import World
from tests.access_matrix import LEAD, PEOPLE, RULES, RouteRule

pytestmark = pytest.mark.django_db
SENT = [rule for rule in RULES if rule.method in ("POST", "PUT", "PATCH") and "deployments_api" in rule.route]
NO_TEXTS = ("\x00", "a\ud800", "\x00 → 1")
LONG = "x" * 1_000_000
COSTS = {"do": "shadow", "until": {"predictions": 5}, "costs": {"0 → 1": 1.0}}
BODIES: dict[str, dict[str, Any]] = {
    "api:deployments_api:plans": {"name": "texts", "body": {"steps": [COSTS, {"do": "switch"}]}},
    "api:deployments_api:environments": {"name": "texts", "rules": {"approvals": {"tiers": {"1": "x"}}}},
}
"""Bodies with more in them than those of the access matrix."""


@cache
def documented() -> list[tuple[re.Pattern[str], dict[str, Any]]]:
    """The texts of each call by the pattern of its path, as the OpenAPI document has them."""
    found: Any = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    parts = found["components"]["schemas"]
    rows = []
    for path, calls in found["paths"].items():
        body = calls.get("post", {}).get("requestBody", {}).get("content", {}).get("application/json", {})
        named = parts.get(body.get("schema", {}).get("$ref", "").rpartition("/")[2], {})
        texts = [name for name, one in named.get("properties", {}).items() if one.get("type") == "string"]
        rows.append((re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path)), dict.fromkeys(texts, "x")))
    return rows


def texts_of(path: str) -> dict[str, Any]:
    return next((texts for pattern, texts in documented() if pattern.fullmatch(path)), {})


def spoilt(value: Any, bad: str) -> Iterator[Any]:
    """The value with `bad` in place of each of its texts in turn, and beside the names of each object inside."""
    if isinstance(value, str):
        yield bad
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inside in pairs:
        for one in spoilt(inside, bad):
            held = dict(value) if isinstance(value, dict) else list(value)
            held[name] = one
            yield held
        if isinstance(inside, dict):
            yield {**value, name: {**inside, bad: 1}} if isinstance(value, dict) else [{**inside, bad: 1}]


def _same(sent: dict[str, Any], _: World) -> dict[str, Any]:
    return sent


def who_may(rule: RouteRule) -> str:
    return next((one for one in PEOPLE if rule.expect[one] not in (401, 403, 404)), LEAD)


@pytest.mark.parametrize("rule", SENT, ids=lambda rule: rule.key)
def test_no_text_breaks_a_call(rule: RouteRule, world: World) -> None:
    path = reverse(rule.route, kwargs=dict(rule.kwargs(world)) or None)
    body = texts_of(path) | dict(rule.send(world)) | BODIES.get(rule.route, {})
    for bad in (*NO_TEXTS, LONG):
        for sent in spoilt(body, bad):
            answer = ask(world, replace(rule, send=partial(_same, sent)), who_may(rule))
            told = (rule.key, str(sent)[:300], answer.status_code, answer.content[:300])
            assert answer.status_code != 500, told
            if bad is not LONG:
                assert answer.status_code == 422, told
                assert answer.headers["Content-Type"] == "application/problem+json", told
                assert answer.json()["fields"], told
