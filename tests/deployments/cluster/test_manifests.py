"""What is written to a cluster, as data: names, limits, weights, and the same pod whoever starts it."""

import json
import re
from dataclasses import replace
from typing import Any

import kubernetes
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from deployments.adapters.kubernetes import autoscaling, inference, manifests, names, pods, reading, routes
from deployments.adapters.kubernetes.inference import Slots
from deployments.targets import Target
from serving import pod
from serving.contract import Limits, RevisionSpec, RouteSpec
from tests.cluster.apiserver import PROJECT

DIGEST = "sha256:" + "a" * 64
SPEC = RevisionSpec("7", "production", "flights", "Flight delay", 3, 2, "/store/a", DIGEST, limits=Limits(2**30, 30))
TABLE = RouteSpec("production", "flights", 9, "7", "8", 1_250, "salt")
PLAIN = Target("production", "kubernetes", "models", "image:1", "gateways/public", "store", hostname="m.example.org")
KSERVE = replace(PLAIN, kind="kserve", pull_secret="registry")
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?")
DNS = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
WRITTEN = {
    "httproute": routes.route(TABLE, PLAIN),
    "httproute to kserve": routes.route(TABLE, KSERVE),
    "inference service of a revision": inference.of_revision(SPEC, KSERVE, "/store"),
    "inference service of an endpoint": inference.of_endpoint(Slots(SPEC, SPEC, 10, "x", TABLE), KSERVE, "/store"),
}


def schema_of(kind: str) -> dict[str, Any]:
    """The published rules of a kind, as far as we write it, and nothing beside them allowed."""
    found = yaml.safe_load_all((PROJECT / "tests/cluster/crds.yaml").read_text())
    crd = next(one for one in found if one["spec"]["names"]["kind"] == kind)
    spec: dict[str, Any] = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    strict: dict[str, Any] = closed(spec)
    return strict


def closed(schema: Any) -> Any:
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: closed(value) for name, value in schema.items()}
    if found.get("type") == "object" and "properties" in found:
        found.setdefault("additionalProperties", False)
    if found.get("x-kubernetes-int-or-string"):
        found.pop("type", None)
    return found


@pytest.mark.parametrize("name", WRITTEN)
def test_it_keeps_to_the_published_schema(name: str) -> None:
    manifest = WRITTEN[name]
    assert list(Draft202012Validator(schema_of(manifest["kind"])).iter_errors(manifest["spec"])) == []


def test_the_schemas_refuse_what_is_wrong() -> None:
    wrong = json.loads(json.dumps(WRITTEN["httproute"]))
    wrong["spec"]["rules"][0]["backendRefs"][0]["weight"] = 1_000_001
    wrong["spec"]["rules"][0]["unknown"] = 1
    assert len(list(Draft202012Validator(schema_of("HTTPRoute")).iter_errors(wrong["spec"]))) == 2


@given(cut=st.integers(0, 10_000))
def test_weights_are_basis_points_and_sum_to_the_whole(cut: int) -> None:
    found = routes.route(replace(TABLE, cut=cut), PLAIN)
    for rule in found["spec"]["rules"]:
        assert [one["weight"] for one in rule["backendRefs"]] == [10_000 - cut, cut]
    live = found | {"metadata": found["metadata"] | {"generation": 1}}
    assert reading.weights(live) == {"rev-7": 2 * (10_000 - cut), "rev-8": 2 * cut}
    assert reading.table(live) == replace(TABLE, cut=cut)


def test_callers_reach_predictions_and_nothing_private() -> None:
    rules = WRITTEN["httproute"]["spec"]["rules"]
    assert {rule["matches"][0]["path"]["value"]: _rewritten(rule) for rule in rules} == {
        "/production/flights/invocations": "/invocations",
        "/production/flights/v2": "/v2",
    }
    told = rules[0]["backendRefs"][1]["filters"][0]["requestHeaderModifier"]["set"]
    assert {one["name"]: one["value"] for one in told} == {
        "x-signalbox-arm": "canary",
        "x-signalbox-generation": "9",
        "x-signalbox-revision": "8",
    }


def test_callers_cannot_say_what_only_a_router_may() -> None:
    """The arm they are counted under, when they came, and which of two questions it is."""
    kept = {"x-signalbox-assigned", "x-signalbox-at", "x-signalbox-attempt", "x-signalbox-hedge"}
    for rule in WRITTEN["httproute"]["spec"]["rules"]:
        for arm in rule["backendRefs"]:
            assert set(arm["filters"][0]["requestHeaderModifier"]["remove"]) == kept


def _rewritten(rule: dict[str, Any]) -> str:
    return str(rule["filters"][0]["urlRewrite"]["path"]["replacePrefixMatch"])


def test_limits_become_those_of_the_container() -> None:
    found = pods.pod(SPEC, PLAIN, "/store")["containers"][0]
    memory = str(2**30 + pods.BASE_BYTES)
    assert found["resources"]["limits"] == {"cpu": "1", "memory": memory}
    assert found["resources"]["requests"]["memory"] == memory
    probe = found["startupProbe"]
    assert probe["failureThreshold"] * probe["periodSeconds"] >= 30 + pods.FETCH_SECONDS


@pytest.mark.parametrize(
    ("own", "most", "limit", "request_"),
    [(0, "1", "1", "100m"), (500, "1", "500m", "100m"), (4_000, "2", "2", "100m"), (0, "50m", "50m", "50m"),
     (1_000, "1000m", "1000m", "100m"), (20, "1", "20m", "20m")],
)  # fmt: skip
def test_the_lower_bound_on_processors_holds_and_no_more_is_asked_for(
    own: int, most: str, limit: str, request_: str
) -> None:
    spec, target = replace(SPEC, limits=Limits(cpu_millis=own)), replace(PLAIN, cpu=most)
    found = pods.pod(spec, target, "/store")["containers"][0]["resources"]
    assert (found["limits"]["cpu"], found["requests"]["cpu"]) == (limit, request_)


def test_everyone_starts_the_same_container() -> None:
    plain = manifests.deployment(SPEC, PLAIN, "/store")["spec"]["template"]["spec"]["containers"][0]
    for name in ("inference service of a revision", "inference service of an endpoint"):
        other = WRITTEN[name]["spec"]["predictor"]["containers"][0]
        assert other | {"name": "model"} == plain
    assert pods.told({"containers": [plain]}) == SPEC


def test_a_container_reads_back_only_what_is_a_revision() -> None:
    for value in ("", "{}", "[]", "no", json.dumps({"id": "7"})):
        assert pods.told({"containers": [{"env": [{"name": pods.ENVIRONMENT, "value": value}]}]}) is None
    assert pods.told({}) is None


FREE = replace(PLAIN, replicas=None)
BOUNDED = replace(SPEC, limits=Limits(replicas_min=2, replicas_max=4))


@pytest.mark.parametrize(("own", "most", "percent"), [(0, "1", 700), (500, "1", 350), (0, "50m", 70), (100, "1", 70)])
def test_an_autoscaler_counts_by_what_a_pod_may_use(own: int, most: str, percent: int) -> None:
    spec = replace(BOUNDED, limits=replace(BOUNDED.limits, cpu_millis=own))
    found = autoscaling.wanted(spec, replace(FREE, cpu=most))
    assert found is not None
    assert found["spec"]["targetCPUUtilizationPercentage"] == percent
    assert (found["spec"]["minReplicas"], found["spec"]["maxReplicas"]) == (2, 4)


def test_an_autoscaler_keeps_to_the_published_schema() -> None:
    """The official client is made from it, and takes nothing else."""
    found: Any = autoscaling.wanted(BOUNDED, FREE)
    published = kubernetes.client.V1HorizontalPodAutoscaler
    assert published.model_validate(found).spec.max_replicas == 4
    wrongs: list[dict[str, Any]] = [{"metrics": []}, {"maxReplicas": "4"}]
    for wrong in wrongs:
        with pytest.raises(ValidationError):
            published.model_validate(found | {"spec": found["spec"] | wrong})


def test_an_autoscaler_holds_one_number_where_the_bounds_are_the_same() -> None:
    found = autoscaling.wanted(replace(SPEC, limits=Limits(replicas_min=3, replicas_max=3)), FREE)
    assert found is not None
    assert (found["spec"]["minReplicas"], found["spec"]["maxReplicas"]) == (3, 3)


@pytest.mark.parametrize(("spec", "target"), [(SPEC, FREE), (BOUNDED, PLAIN), (BOUNDED, replace(FREE, kind="kserve"))])
def test_where_the_number_is_given_there_is_no_autoscaler_of_ours(spec: RevisionSpec, target: Target) -> None:
    assert autoscaling.wanted(spec, target) is None


def test_an_autoscaler_may_own_the_number_of_replicas() -> None:
    free = replace(PLAIN, replicas=None)
    assert "replicas" not in manifests.deployment(SPEC, free, "/store")["spec"]
    assert not {"minReplicas", "maxReplicas"} & inference.predictor(SPEC, free, "/store").keys()
    for least, most in ((2, 4), (3, 3)):
        limits = Limits(replicas_min=least, replicas_max=most)
        bounded = inference.predictor(replace(SPEC, limits=limits), free, "/store")
        assert (bounded["minReplicas"], bounded["maxReplicas"]) == (least, most)


@given(text=st.text(min_size=1, max_size=64))
def test_names_fit_a_cluster_and_stay_apart(text: str) -> None:
    assert DNS.fullmatch(names.of_revision(text))
    assert DNS.fullmatch(names.of_keys(text, text))
    assert len(f"{names.of_revision(text)}-predictor-00001") <= 63
    assert names.of_revision(text) != names.of_revision(text + "_")
    spec = replace(SPEC, id=text, endpoint=text)
    assert all(LABEL_VALUE.fullmatch(value) for value in names.pod_labels(spec).values())


def test_names_people_chose_stay_readable() -> None:
    assert names.of_revision("42") == "rev-42"
    assert names.of_endpoint("production", "flight_delay").startswith("ep-production-flight-delay-")


def test_the_exit_code_that_ends_a_start_is_the_containers_own() -> None:
    ended = {"terminated": {"exitCode": pod.FINAL, "message": "digest_mismatch: other files"}}
    for when in ("state", "lastState"):
        found = [{"status": {"containerStatuses": [{when: ended}]}}]
        assert reading.last_words(found) == "digest_mismatch: other files"
    again = {"terminated": {"exitCode": pod.AGAIN, "message": "disk_full"}}
    assert reading.last_words([{"status": {"containerStatuses": [{"state": again}]}}]) == ""
