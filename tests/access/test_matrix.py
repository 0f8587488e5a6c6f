"""Walks every route as every audience and compares what they get with the one table."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils.http import urlencode

from tests.access import things
from tests.access import world as worlds
from tests.access.routes import all_routes
from tests.access.world import World
from tests.access_matrix import AUDIENCES, RULES, TOKENS, RouteRule
from tests.accounts.limits import fresh_cache

ROUTES = all_routes()
pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    """Built once; each cell is undone, and at the end everything is."""
    alone = things.nothing_else_runs
    with pytest.MonkeyPatch.context() as patch, alone(patch), django_db_blocker.unblock(), transaction.atomic():
        yield worlds.build()
        transaction.set_rollback(True)


def browser(world: World, audience: str) -> Client:
    client = Client(raise_request_exception=False)
    if audience in world.sessions:
        client.cookies[settings.SESSION_COOKIE_NAME] = world.sessions[audience]
    return client


def ask(world: World, rule: RouteRule, audience: str) -> Any:
    """One request, and nothing of it left."""
    url = reverse(rule.route, kwargs=dict(rule.kwargs(world)) or None)
    query = rule.query(world)
    headers = {"Idempotency-Key": str(uuid.uuid4())} if rule.json else {}
    if audience in TOKENS:
        headers["Authorization"] = f"Bearer {world.tokens[audience]}"
    data: Any = dict(rule.send(world))
    kind = "application/json" if rule.json else "application/x-www-form-urlencoded"
    body = (json.dumps(data) if rule.json else urlencode(data, doseq=True)) if rule.method != "GET" else ""
    with fresh_cache(), transaction.atomic():
        if rule.before is not None:
            rule.before(world)
        address = f"{url}?{urlencode(query)}" if query else url
        answer = browser(world, audience).generic(rule.method, address, body, content_type=kind, headers=headers)
        transaction.set_rollback(True)
    return answer


def test_every_route_and_method_has_an_entry() -> None:
    wanted = {f"{method} {route.name}" for route in ROUTES for method in route.methods}
    present = {f"{rule.method} {rule.route}" for rule in RULES}
    assert sorted(wanted - present) == [], "add these to tests/access/rules/"
    assert sorted(present - wanted) == [], "these routes do not exist"


def test_the_table_says_each_thing_once_and_for_every_audience() -> None:
    keys = [rule.key for rule in RULES]
    assert len(keys) == len(set(keys))
    for rule in RULES:
        assert set(rule.expect) == set(AUDIENCES), rule.key


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.key)
def test_each_audience_gets_what_the_table_says(rule: RouteRule, world: World) -> None:
    wrong = []
    for audience in AUDIENCES:
        answer = ask(world, rule, audience)
        if answer.status_code != rule.expect[audience]:
            said = answer.json().get("detail", "") if "json" in answer.headers.get("Content-Type", "") else ""
            wrong.append(f"{audience} got {answer.status_code}, not {rule.expect[audience]} {said}".strip())
    assert not wrong, f"{rule.key}: " + "; ".join(wrong)
