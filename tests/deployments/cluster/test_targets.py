"""The file that says where each environment serves, and what it leads to."""

from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from deployments import checks
from deployments.adapters import serving
from deployments.adapters.kubernetes import targets
from deployments.adapters.kubernetes.cluster import Cluster
from deployments.adapters.kubernetes.serverless import Serverless
from deployments.adapters.kubernetes.targets import BadTarget
from deployments.adapters.serving import Agent
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
