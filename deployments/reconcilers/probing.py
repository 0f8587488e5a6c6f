"""Asks who answers, and what, and holds that against what should. Called while no transaction is open."""

import json
from datetime import datetime
from typing import Any

from deployments.adapters.serving import ServingRefused, ServingRuntime, ServingUnavailable
from deployments.engine.planner import Probed
from deployments.models import Revision, Rollout, RouteTable
from deployments.policies import probing as policy
from deployments.policies.probing import Expected
from deployments.selectors import examples
from deployments.services import keys
from deployments.services.rollouts.probing import Look
from portal.core import clock, digests

MOST_ANSWER = 20_000
"""Characters of an answer that are kept."""
NONE_YET = Probed(right=False)
KEY_MISSING = 401


def known(row: Rollout, now: datetime) -> Probed:
    """What the last probe of this rollout's newest table said; right as well once a person took that as it is."""
    last = row.probe
    if last is None or last["generation"] != row.generation:
        return NONE_YET
    since = datetime.fromisoformat(last["since"]) if last["since"] else now
    return Probed(last["right"] or last.get("accepted", False), last["why"], (now - since).total_seconds())


def look(row: Rollout, runtime: ServingRuntime) -> Look:
    """Ask the endpoint through the gateway, and compare with what its newest table wants."""
    table = RouteTable.objects.select_related("stable__version__model").get(
        endpoint=row.endpoint, generation=row.generation or -1
    )
    body, expected = question(table.stable)
    where = row.endpoint.environment.name, row.endpoint.name
    try:
        served = runtime.probe(*where, body, keys.own(row.endpoint))
        if served.status == KEY_MISSING:
            runtime.set_keys(*where, keys.hashes(row.endpoint))
            served = runtime.probe(*where, body, keys.own(row.endpoint))
    except (ServingUnavailable, ServingRefused) as error:
        return Look(table.generation, f"v{expected.version} could not be asked: {error}")
    return Look(table.generation, policy.wrong(expected, served), served.ms, expected.answer is not None)


def question(revision: Revision) -> tuple[Any, Expected]:
    """The golden request of a revision and what should come back; without one, who it is."""
    body, golden = examples.golden(revision.version), revision.golden or {}
    usable = body is not None and golden.get("steady") and golden.get("request") == digests.of_json(body)
    version, number = revision.version.number, revision.number
    return (body, Expected(version, number, golden["answer"])) if usable else (None, Expected(version, number))


def golden(revision: Revision, runtime: ServingRuntime) -> dict[str, Any] | None:
    """What a loaded revision answers to its own example, asked twice; None where there is nothing to keep."""
    body, key = examples.golden(revision.version), keys.own(revision.endpoint)
    if body is None:
        return None
    try:
        first, second = (runtime.ask(str(revision.pk), body, key) for _ in range(2))
    except (ServingUnavailable, ServingRefused):
        return None
    if max(first.status, second.status) >= 400 or len(json.dumps(first.answer)) > MOST_ANSWER:
        return None
    found = {"request": digests.of_json(body), "at": clock.now().isoformat()}
    steady = policy.same(first.answer, second.answer)
    return found | ({"steady": True, "answer": first.answer} if steady else {"steady": False})
