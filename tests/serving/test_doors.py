"""Who may ask: endpoint keys at the gateway, the agent's token, and settings that would open too much."""

import hashlib
from collections.abc import Iterator

import grpc
import httpx
import pytest

from serving import places
from serving.grpc_door import inference_pb2 as pb
from serving.grpc_door.service import NAME
from serving.places import Misconfigured
from serving.router import configuration
from tests.serving import plane as planes
from tests.serving.plane import Plane, accepts, free_port
from tests.waiting import wait_until

KEY, OTHER = "sbk_example", "sbk_other"
ROUTE = "production/keyed 1:0:00::s:rev:\n"


def hashed(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    """A router that asks for keys, with a route to a revision that is not there: past the door waits a 503."""
    folder = tmp_path_factory.mktemp("keyed")
    (folder / "token").write_text("agent-token\n")
    more = {
        "SIGNALBOX_GATEWAY_KEYS": "required",
        "SIGNALBOX_AGENT_BIND": f"127.0.0.1:{free_port()}",
        "SIGNALBOX_AGENT_TOKEN_FILE": str(folder / "token"),
    }
    with planes.running(folder, ("router", "agent"), **more) as plane:
        plane.stop("router")
        plane.settings.places.routes_map.write_text(ROUTE)
        plane.stop("agent")
        plane.start("router")
        plane.await_router()
        plane.start("agent")
        plane.await_up()
        yield plane


def put_keys(plane: Plane, *keys: tuple[str, str]) -> None:
    for endpoint in ("keyed", "another"):
        hashes = [hashed(key) for key, where in keys if where == endpoint]
        answer = plane.agent.put(f"/keys/production/{endpoint}", json={"hashes": hashes})
        assert answer.json() == {"in_force": True}


def ask(plane: Plane, **headers: str) -> tuple[int, str]:
    answer = plane.gateway.post("/production/keyed/invocations", content=b"{}", headers=headers)
    return answer.status_code, answer.json()["code"]


LET_IN = (503, "revision_unavailable")
TURNED_AWAY = (401, "key_missing")


def test_only_a_key_of_this_endpoint_opens_it(keyed: Plane) -> None:
    put_keys(keyed, (KEY, "keyed"), (OTHER, "another"))
    assert ask(keyed) == TURNED_AWAY
    assert ask(keyed, authorization=f"Bearer {KEY}") == LET_IN
    assert ask(keyed, **{"x-endpoint-key": KEY}) == LET_IN
    for wrong in (f"Bearer {OTHER}", f"Bearer {hashed(KEY)}", "Bearer", f"Bearer {KEY}x", KEY):
        assert ask(keyed, authorization=wrong) == TURNED_AWAY


def test_unknown_endpoints_are_not_told_apart_without_a_key(keyed: Plane) -> None:
    assert keyed.gateway.get("/production/nobody/v2").status_code == 401
    assert keyed.gateway.get("/healthz").status_code == 200


def test_grpc_asks_for_the_same_keys(keyed: Plane) -> None:
    put_keys(keyed, (KEY, "keyed"), (OTHER, "another"))

    def infer(*metadata: tuple[str, str]) -> grpc.StatusCode:
        asked = pb.ModelInferRequest(model_name="production.keyed")
        with grpc.insecure_channel(keyed.settings.bind) as channel:
            call = channel.unary_unary(f"/{NAME}/ModelInfer", request_serializer=pb.ModelInferRequest.SerializeToString)
            with pytest.raises(grpc.RpcError) as error:
                call(asked, metadata=metadata, timeout=10)
        return error.value.code()

    let_in, turned_away = grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNAUTHENTICATED
    keyed.start("grpc")
    wait_until(lambda: accepts(keyed.settings.places.grpc_socket), 20, "the door to open")
    assert infer() == turned_away
    assert infer(("x-endpoint-key", OTHER)) == turned_away
    assert infer(("x-endpoint-key", KEY)) == let_in
    assert infer(("authorization", f"Bearer {KEY}")) == let_in


def test_a_withdrawn_key_no_longer_opens(keyed: Plane) -> None:
    put_keys(keyed, (KEY, "keyed"))
    assert ask(keyed, authorization=f"Bearer {KEY}") == LET_IN
    put_keys(keyed)
    assert ask(keyed, authorization=f"Bearer {KEY}") == TURNED_AWAY


def test_keys_hold_with_the_agent_down_and_a_fresh_router(keyed: Plane) -> None:
    put_keys(keyed, (KEY, "keyed"))
    assert keyed.agent.get("/keys").json()["keys"][0]["hash"] == hashed(KEY)
    assert KEY not in keyed.settings.places.keys_map.read_text()
    keyed.kill("agent")
    keyed.kill("router")
    keyed.start("router")
    keyed.await_router()
    assert ask(keyed, authorization=f"Bearer {KEY}") == LET_IN
    assert ask(keyed) == TURNED_AWAY
    keyed.start("agent")
    keyed.await_up()


def test_the_keys_of_one_endpoint_are_replaced_and_no_others(keyed: Plane) -> None:
    put_keys(keyed, (KEY, "keyed"), (OTHER, "another"))
    keyed.agent.put("/keys/production/another", json={"hashes": []})
    assert {(one["hash"], one["endpoint"]) for one in keyed.agent.get("/keys").json()["keys"]} == {
        (hashed(KEY), "keyed")
    }
    assert ask(keyed, authorization=f"Bearer {KEY}") == LET_IN


@pytest.mark.parametrize("keys", [{}, {"hashes": ["x"]}, {"hashes": [1]}, {"hashes": 1}, {"keys": []}])
def test_keys_that_are_none_are_refused(keyed: Plane, keys: object) -> None:
    assert keyed.agent.put("/keys/production/keyed", json=keys).status_code == 422


def test_the_agents_address_asks_for_its_token(keyed: Plane) -> None:
    with httpx.Client(base_url=f"http://{keyed.environ['SIGNALBOX_AGENT_BIND']}", trust_env=False) as client:
        assert client.get("/status").status_code == 401
        assert client.get("/status", headers={"authorization": "Bearer wrong"}).status_code == 401
        assert client.get("/status", headers={"authorization": "Bearer agent-token"}).status_code == 200
    assert keyed.agent.get("/status").status_code == 200, "the socket is for its owner alone"
    assert keyed.settings.places.agent_socket.stat().st_mode & 0o777 == 0o600


BASE = {"SIGNALBOX_SERVING_DIR": "/a", "SIGNALBOX_RUN": "/b", "SIGNALBOX_STORE": "/c"}


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"SIGNALBOX_RUN": ""}, "SIGNALBOX_RUN"),
        ({"SIGNALBOX_RUN": "relative"}, "SIGNALBOX_RUN"),
        ({"SIGNALBOX_RUN": "/" + "x" * 100}, "SIGNALBOX_RUN"),
        ({"SIGNALBOX_STORE": "/with space"}, "SIGNALBOX_STORE"),
        ({"SIGNALBOX_GATEWAY_BIND": "8080"}, "SIGNALBOX_GATEWAY_BIND"),
        ({"SIGNALBOX_GATEWAY_BIND": "0.0.0.0:80", "SIGNALBOX_GATEWAY_KEYS": "open"}, "SIGNALBOX_GATEWAY_KEYS"),
        ({"SIGNALBOX_GATEWAY_KEYS": "maybe"}, "SIGNALBOX_GATEWAY_KEYS"),
        ({"SIGNALBOX_AGENT_TOKEN_FILE": "/none"}, "SIGNALBOX_AGENT_TOKEN_FILE"),
        ({"SIGNALBOX_SLOTS": "many"}, "SIGNALBOX_SLOTS"),
    ],
)
def test_a_bad_setting_is_refused_by_name(change: dict[str, str], name: str) -> None:
    with pytest.raises(Misconfigured, match=name):
        places.read(BASE | change)


@pytest.mark.parametrize(
    ("bind", "wish", "required"),
    [("127.0.0.1:1", "", False), ("[::1]:1", "", False), ("localhost:1", "required", True), ("0.0.0.0:1", "", True)],
)
def test_the_gateway_is_open_on_loopback_only(bind: str, wish: str, required: bool) -> None:
    found = places.read(BASE | {"SIGNALBOX_GATEWAY_BIND": bind, "SIGNALBOX_GATEWAY_KEYS": wish})
    assert found.require_key is required
    assert ("sha2(256)" in configuration.render(found)) is required
