"""The portal's own manifests: a real API server takes them, and no process has more than it needs."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import apiserver
from tests.cluster.apiserver import DEPLOY, PROJECT, ApiServer

FILES = sorted(DEPLOY.glob("*.yaml"))
MANIFESTS = [manifest for path in FILES for manifest in apiserver.documents(path)]
WORKLOADS = [one for one in MANIFESTS if one["kind"] in ("Deployment", "Job")]


def pod(workload: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = workload["spec"]["template"]["spec"]
    return found


@pytest.mark.cluster
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_api_server_takes_it(api_server: ApiServer, path: Path) -> None:
    """Server-side apply refuses fields that it does not know."""
    with api_server.client() as operator:
        for manifest in apiserver.documents(path):
            taken = apiserver.apply(operator, manifest, dryRun="All", force="true")
            assert taken["metadata"]["name"] == manifest["metadata"]["name"]


@pytest.mark.cluster
def test_what_the_api_server_does_not_know_is_refused(api_server: ApiServer) -> None:
    manifest = next(one for one in WORKLOADS if one["kind"] == "Deployment")
    wrong = manifest | {"spec": manifest["spec"] | {"replica": 2}}
    with api_server.client() as operator, pytest.raises(AssertionError, match="replica"):
        apiserver.apply(operator, wrong, dryRun="All")


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda one: str(one["metadata"]["name"]))
def test_no_process_has_more_than_it_needs(workload: dict[str, Any]) -> None:
    name, spec = workload["metadata"]["name"], pod(workload)
    assert spec["securityContext"]["runAsNonRoot"]
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] == (name == "worker")
    for container in spec["containers"]:
        closed = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
        assert container["securityContext"] == closed
        assert container["resources"]["limits"]["memory"] == container["resources"]["requests"]["memory"]
        given = {one["name"]: one.get("value", "") for one in container["env"]}
        assert not any("change-me" in value for value in given.values())


def test_every_process_of_the_compose_file_has_its_workload() -> None:
    """What serves models is the cluster's own here; stores and the edge are the operator's."""
    compose = apiserver.documents(PROJECT / "docker-compose.yml")[0]["services"]
    theirs = {"postgres", "redis", "edge", "router", "zygote", "agent", "grpc"}
    assert {one["metadata"]["name"] for one in WORKLOADS} == set(compose) - theirs


def test_secrets_are_named_and_only_the_signer_reads_its_own() -> None:
    known = next(one for one in MANIFESTS if one["kind"] == "Secret")["stringData"]
    asked = {}
    for workload in WORKLOADS:
        volume = next(one for one in pod(workload)["volumes"] if one["name"] == "secrets")
        asked[workload["metadata"]["name"]] = {item["key"] for item in volume["secret"]["items"]}
    assert set().union(*asked.values()) <= set(known)
    assert [name for name, keys in asked.items() if "database_signer_url" in keys] == ["signer"]
    assert [name for name, keys in asked.items() if "database_owner_url" in keys] == ["migrate"]


def test_the_secrets_are_those_that_make_secrets_writes() -> None:
    """And the one it cannot know; an item without its file would keep a pod from starting."""
    made = (PROJECT / "deploy/make-secrets").read_text()
    known = next(one for one in MANIFESTS if one["kind"] == "Secret")["stringData"]
    roles = set(re.findall(r"for role in ([\w ]+);", made)[0].split())
    missing = {name for name in known if name not in made and name.split("_")[1] not in roles}
    assert missing == {"email_url"}
