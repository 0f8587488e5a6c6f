"""The file that says where each environment serves, and what it leads to."""

from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from deployments import checks, targets
from deployments.adapters import serving
from deployments.adapters.kubernetes.cluster import Cluster
from deployments.adapters.kubernetes.serverless import Serverless
from deployments.adapters.serving import Agent
from deployments.services import tries
from deployments.targets import BadTarget
from monitoring.selectors import status
from portal import env

PLAIN: dict[str, Any] = {
    "kind": "kubernetes",
    "namespace": "signalbox-models",
    "image": "registry.example.org/signalbox@sha256:" + "a" * 64,
    "gateway": "gateways/public",
    "claim": "signalbox-store",
}
KSERVE = PLAIN | {"kind": "kserve", "canary": "percent", "gateway": ""}


def test_a_file_of_all_kinds() -> None:
    found = targets.read({"staging": {"kind": "agent"}, "production": PLAIN, "lab": KSERVE | {"replicas": None}})
    assert [(one.environment, one.kind, one.serverless) for one in found.values()] == [
        ("staging", "agent", False),
        ("production", "kubernetes", False),
        ("lab", "kserve", True),
    ]
    assert (found["production"].replicas, found["lab"].replicas) == (1, None)
    assert found["production"].keys == "required"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "must map the name"),
        ({"production": "kubernetes"}, "production must be a mapping"),
        ({"production": {}}, "production.kind must be one of agent, kubernetes, kserve"),
        ({"production": {"kind": "agent", "image": "x"}}, "production.image means nothing"),
        ({"production": {"kind": "agent", "agent": "here"}}, "production.agent is 'here'"),
        ({"production": {"kind": "agent", "agent": 3}}, "production.agent is 3"),
        ({"production": {"kind": "agent", "agent": "http://a:8090"}}, "production.token_file must name the file"),
        ({"production": {"kind": "agent", "token_file": "/t"}}, "production.token_file means nothing without"),
        ({"production": {"kind": "agent", "gateway_url": "a:80"}}, "production.gateway_url is 'a:80'"),
        ({"production": PLAIN | {"agent": "unix:/a"}}, "production.agent means nothing for the kind kubernetes"),
        ({"production": PLAIN | {"gateway_url": "https://a/"}}, "production.gateway_url is 'https://a/'"),
        ({"production": PLAIN | {"gatway": "a/b"}}, "production.gatway is not known"),
        ({"production": PLAIN | {"gateway": "public"}}, "production.gateway is 'public'"),
        ({"production": PLAIN | {"namespace": "Models"}}, "production.namespace is 'Models'"),
        ({"production": PLAIN | {"namespace": 3}}, "production.namespace is 3"),
        ({"production": PLAIN | {"image": ""}}, "production.image is ''"),
        ({"production": PLAIN | {"hostname": "a b"}}, "production.hostname is 'a b'"),
        ({"production": PLAIN | {"replicas": 0}}, "production.replicas must be a whole number"),
        ({"production": PLAIN | {"replicas": True}}, "production.replicas must be a whole number"),
        ({"production": PLAIN | {"cpu": "lots"}}, "production.cpu is 'lots'"),
        ({"production": PLAIN | {"canary": "half"}}, "production.canary must be one of route, percent"),
        ({"production": PLAIN | {"keys": "none"}}, "production.keys must be one of required, open"),
    ],
)
def test_what_is_wrong_is_said(given: Any, said: str, settings: Any) -> None:
    with pytest.raises(BadTarget, match=said):
        targets.read(given)
    settings.SIGNALBOX_RUNTIMES = given
    assert [one.id for one in checks.runtimes_can_be_read(None)] == ["signalbox.E005"]


def test_an_environment_without_a_line_serves_from_the_agent(settings: Any) -> None:
    settings.SIGNALBOX_RUNTIMES = {"production": PLAIN, "lab": KSERVE, "staging": {"kind": "agent"}}
    assert isinstance(serving.runtime("production"), Cluster)
    assert isinstance(serving.runtime("lab"), Serverless)
    assert isinstance(serving.runtime("staging"), Agent)
    assert serving.runtime() is serving.runtime("staging") is serving.runtime("elsewhere")
    assert serving.runtime("production") is serving.runtime("production")
    assert checks.runtimes_can_be_read(None) == []


def test_environments_may_serve_from_other_hosts(settings: Any, tmp_path: Path) -> None:
    token = tmp_path / "token"
    settings.SIGNALBOX_GATEWAY_URL = "http://localhost:8080"
    settings.SIGNALBOX_RUNTIMES = {
        "east": {
            "kind": "agent",
            "agent": "http://10.0.0.7:8090",
            "token_file": str(token),
            "gateway_url": "https://models.example.org",
        },
        "west": {"kind": "agent", "agent": "unix:/run/other/agent.sock"},
    }
    assert [one.id for one in checks.runtimes_can_be_read(None)] == ["signalbox.E005"]
    with pytest.raises(serving.ServingUnavailable, match="token file of east's agent cannot be read"):
        serving.runtime("east")
    token.write_text("secret\n")
    assert checks.runtimes_can_be_read(None) == []
    found = {serving.runtime(name) for name in ("east", "west", "staging", "")}
    assert len(found) == 3
    assert tries.url("east", "f") == "https://models.example.org/east/f/invocations"
    assert tries.url("west", "f") == "http://localhost:8080/west/f/invocations"
    assert list(status.serving_plane()) == [
        "Serving agent", "Gateway", "Serving agent of east", "Gateway of east", "Serving agent of west"
    ]  # fmt: skip


def test_the_file_is_named_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "runtimes.yaml"
    assert env.document("SIGNALBOX_RUNTIMES") == {}
    monkeypatch.setenv("SIGNALBOX_RUNTIMES", str(path))
    with pytest.raises(ImproperlyConfigured, match="cannot be read"):
        env.document("SIGNALBOX_RUNTIMES")
    path.write_text("production: {kind: agent}")
    assert env.document("SIGNALBOX_RUNTIMES") == {"production": {"kind": "agent"}}
    for content, said in (("a: [", "cannot be read"), ("- a", "must hold a mapping")):
        path.write_text(content)
        with pytest.raises(ImproperlyConfigured, match=said):
            env.document("SIGNALBOX_RUNTIMES")
