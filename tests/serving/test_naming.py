"""Whether answers tell callers which version gave them: by HTTP and by gRPC, through the real router."""

from typing import Any

import pytest

from serving.grpc_door import inference_pb2 as pb
from tests.serving.plane import Plane
from tests.serving.test_grpc import call
from tests.serving.zoo import Zoo, body


def told(headers: Any) -> dict[str, str]:
    """What an answer says of who gave it."""
    return {name: value for name, value in dict(headers).items() if name.startswith("x-served-")}


def by_grpc(plane: Plane, endpoint: str) -> dict[str, str]:
    message = pb.ModelInferRequest(model_name=f"production.{endpoint}")
    message.inputs.add(name="x", datatype="FP64", shape=[1]).contents.fp64_contents.append(5.0)
    _, answered = call(plane, message)
    return told(answered.initial_metadata())


def probed(plane: Plane, endpoint: str) -> tuple[str, str]:
    found = plane.agent.post(f"/probe/production/{endpoint}", json={"body": body({"x": 1.0}), "key": ""}).json()
    return found["version"], found["revision"]


def test_an_endpoint_that_does_not_name_versions_tells_the_probe_only(plane: Plane, endpoint: str, models: Zoo) -> None:
    plane.load(endpoint, models.double.spec(endpoint, 7))
    plane.route(endpoint, 1, endpoint)
    everything = {"x-served-version": "7", "x-served-revision": "7", "x-served-arm": "stable"}
    assert told(plane.ask(endpoint, body({"x": 1.0})).headers) == by_grpc(plane, endpoint) == everything
    assert plane.agent.put(f"/naming/production/{endpoint}", json={"names_versions": False}).status_code == 200
    for _ in range(2):
        answer = plane.ask(endpoint, body({"x": 1.0}), **{"x-signalbox-caller": "inside"})
        assert (answer.status_code, told(answer.headers)) == (200, {})
        assert "x-prediction-id" in answer.headers
        assert by_grpc(plane, endpoint) == {}
        assert probed(plane, endpoint) == ("7", "7")
        plane.kill("router")
        plane.start("router")
        plane.await_router()
    plane.agent.put(f"/naming/production/{endpoint}", json={"names_versions": True})
    assert told(plane.ask(endpoint, body({"x": 1.0})).headers) == everything


@pytest.mark.parametrize("sent", [{}, {"names_versions": "no"}, {"named": True}, []])
def test_naming_that_is_no_answer_is_refused(plane: Plane, sent: object) -> None:
    assert plane.agent.put("/naming/production/any", json=sent).status_code == 422
    assert plane.agent.put("/naming/production/a.b", json={"names_versions": True}).status_code == 422
