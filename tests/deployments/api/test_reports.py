"""What a shadow and an A/B test have shown, by REST: the numbers of their pages, in the shapes that are described."""

from collections.abc import Callable
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator

from deployments.api import urls
from tests.callers import Caller
from tests.deployments import testing_ab
from tests.deployments.conftest import Line
from tests.deployments.rolling import STEPS, Rolling
from tests.deployments.test_shadow_steps import SHADOW, compared

pytestmark = pytest.mark.django_db
Session = Callable[..., Caller]
ROUTES = {"rollout_shadow", "rollout_ab_test"}


@pytest.fixture(scope="module")
def shapes() -> dict[str, Any]:
    """The shapes of both reports as the description has them, and no member besides."""
    generator: Any = SchemaGenerator
    routes = [route for route in urls.urlpatterns if route.name in ROUTES]
    found: dict[str, Any] = generator(patterns=routes).get_schema(request=None, public=True)["components"]["schemas"]
    for shape in found.values():
        if "properties" in shape:
            shape["additionalProperties"] = False
    return found


def fits(answer: Any, name: str, shapes: dict[str, Any]) -> dict[str, Any]:
    """The answer, once it is as the shape of this name says."""
    assert answer.status_code == 200, answer.content
    body: dict[str, Any] = answer.json()
    Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": {"schemas": shapes}}).validate(body)
    return body


def test_a_shadow_is_told_as_on_its_page(line: Line, session: Session, shapes: dict[str, Any]) -> None:
    rolling = Rolling(line, steps=[SHADOW, *STEPS]).begin()
    path, priya = f"rollouts/{rolling.row.pk}/shadow/", session(line.priya)
    empty = fits(priya.get(path), "ShadowShape", shapes)
    assert (empty["compared"], empty["agreement"], empty["latency_ms"], empty["segments"]) == (0, None, None, [])
    compared(rolling, 10)
    compared(rolling, 30, now=0.25)
    rolling.look()
    found = fits(priya.get(path), "ShadowShape", shapes)
    assert (found["copied"], found["compared"], found["failed"], found["shed"]) == (40, 40, 0, 0)
    whole = found["agreement"]
    assert (whole["rows"], whole["same"], whole["share"]) == (40, 30, 0.75)
    assert 0 < whole["range"]["low"] < 0.75 < whole["range"]["high"] < 1
    assert whole["moved"] == pytest.approx((10 * 0.5 + 30 * 0.05) / 40)
    assert found["flips"] == [{"change": "0 → 1", "rows": 10, "share": 0.25, "each": 15.0, "cost": 150.0}]
    assert found["cost_of_thousand"] == 3750.0
    assert found["segments"] == [{"column": "carrier", "value": "AA", "agreement": whole}]
    assert sum(one["rows"] for one in found["differences"]) == 40
    assert found["latency_ms"]["champion"]["p50"] == pytest.approx(5, rel=0.2)
    assert found["latency_ms"]["shadow"]["p99"] == pytest.approx(7, rel=0.2)
    assert found["ended_at"] is not None


def test_an_ab_test_is_told_in_the_shape_that_is_described(
    line: Line, session: Session, shapes: dict[str, Any]
) -> None:
    rolling = testing_ab.begun(Rolling(line, steps=testing_ab.STEPS))
    path, priya = f"rollouts/{rolling.row.pk}/ab-test/", session(line.priya)
    assert fits(priya.get(path), "AbRunShape", shapes)["report"] is None
    for arm, right in (("stable", 5), ("canary", 8)):
        testing_ab.units(rolling, arm, 40, right)
    testing_ab.look(rolling)
    report = fits(priya.get(path), "AbRunShape", shapes)["report"]
    assert (report["predictions"], [one["name"] for one in report["metrics"]]) == (160, ["Right", "Off by", "Cost"])
    assert shapes["AbRunShape"]["properties"]["report"]["oneOf"][0] == {"$ref": "#/components/schemas/AbReportShape"}
