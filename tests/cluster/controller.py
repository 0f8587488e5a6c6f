"""Plays the controllers that an API server alone has not: they read what is wanted and write a status.

Workloads become ready when the files of their revision have the approved digest, as `serving.pod` would find, and get a
pod whose counters stand at nothing and that answers by its version; KServe and the gateway take up what they are told,
and Services lead to the pods they select. `held` names what a test keeps from being taken up, `approved` and `broken`
digests that load, or do not, without files.
"""

import hashlib
import itertools
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from deployments.adapters.kubernetes import names, pods, reading
from serving import contract, digests, pod
from serving.contract import RevisionSpec
from serving.measures import Counts
from tests.cluster import network
from tests.cluster.apiserver import NAMESPACE, ApiServer
from tests.cluster.network import Answer, Network, Question

Json = dict[str, Any]
DEPLOYMENTS = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"
ROUTES = f"/apis/gateway.networking.k8s.io/v1/namespaces/{NAMESPACE}/httproutes"
INFERENCE = f"/apis/serving.kserve.io/v1beta1/namespaces/{NAMESPACE}/inferenceservices"
PODS, SERVICES, CONFIGS, ENDPOINTS = (
    f"/api/v1/namespaces/{NAMESPACE}/{one}" for one in ("pods", "services", "configmaps", "endpoints")
)
SCALERS = f"/apis/autoscaling/v1/namespaces/{NAMESPACE}/horizontalpodautoscalers"
PAUSE = 0.05
MERGE = {"Content-Type": "application/merge-patch+json"}
NUMBERS = itertools.count(1)
ADDRESS = "10.1.0.1"
"""Of every pod: the API server refuses to speak to what has none, or to loopback."""


@dataclass
class Controller:
    """One pass over everything at a time; `held` are names whose status stays as it is."""

    http: httpx.Client
    network: Network
    held: set[str] = field(default_factory=set)
    approved: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)
    numbers: dict[str, list[str]] = field(default_factory=dict)
    ends: dict[str, list[Json]] = field(default_factory=dict)
    _ended: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self._ended.wait(PAUSE):
            for path, play in ((DEPLOYMENTS, self._deployment), (INFERENCE, self._inference), (ROUTES, self._route)):
                for live in self.http.get(path).json()["items"]:
                    if live["metadata"]["name"] not in self.held:
                        self._write(path, live, play(live))
            self._end_pods()
            self._lead()

    def stop(self) -> None:
        self._ended.set()

    def _write(self, path: str, live: Json, status: Json) -> None:
        if live.get("status") == status:
            return
        self.http.patch(
            f"{path}/{live['metadata']['name']}/status",
            json={"status": status},
            headers=MERGE,
        )

    def have_pod(self, spec: RevisionSpec, number: int = 0, **state: Any) -> str:
        """A pod of a revision, if it is not there yet, and its name. It has started, but for what `state` says."""
        name = f"{names.of_revision(spec.id)}-{number}"
        if self.http.get(f"{PODS}/{name}").status_code == 200:
            return name
        value = json.dumps(contract.as_json(spec))
        container = {"name": "model", "image": "none", "env": [{"name": pod.REVISION, "value": value}]}
        meta = {"name": name, "labels": names.pod_labels(spec)}
        body = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {"containers": [container]}}
        self.http.post(PODS, json=body).raise_for_status()
        counted = Counts(spec.id, f"epoch {next(NUMBERS)}").read(0, 0.0)
        self.network.places[f"{name}:{pods.INSIDE}"] = network.told(contract.as_json(counted))
        self.network.places[f"{name}:{pods.PORT}"] = self._model(spec)
        running = {"name": "model", "image": "none", "imageID": "", "ready": True, "started": True, "restartCount": 0}
        told = running | {"state": {"running": {}}} | state
        status = {"phase": "Running", "podIP": ADDRESS, "podIPs": [{"ip": ADDRESS}], "containerStatuses": [told]}
        status["conditions"] = [{"type": "Ready", "status": "True" if told["ready"] else "False"}]
        self.http.patch(f"{PODS}/{name}/status", json={"status": status}, headers=MERGE).raise_for_status()
        return name

    def _model(self, spec: RevisionSpec) -> Callable[[Question], Answer]:
        """Answers by its version's number, to whom a key of the endpoint lets in, where there are any."""
        served = {"x-served-version": str(spec.version), "x-served-revision": str(spec.revision)}

        def answer(question: Question) -> Answer:
            live = self.http.get(f"{CONFIGS}/{names.of_keys(spec.environment, spec.endpoint)}")
            known = live.json()["data"][pods.HASHES].split() if live.status_code == 200 else []
            key = question.headers.get("x-endpoint-key", "")
            if known and hashlib.sha256(key.encode()).hexdigest() not in known:
                return 401, json.dumps({"detail": "Send a valid key."}).encode()
            if question.headers.get("x-signalbox-revision", spec.id) != spec.id:
                return 503, json.dumps({"detail": "The endpoint just moved."}).encode(), served
            if question.method == "GET":
                return 200, json.dumps({"versions": [spec.version]}).encode(), served
            return 200, json.dumps({"predictions": [spec.version / 10]}).encode(), served

        return answer

    def _lead(self) -> None:
        """Each Service to the first ready pod it selects."""
        running = [one for one in self.http.get(PODS).json()["items"] if reading.can_answer(one)]
        for live in self.http.get(SERVICES).json()["items"]:
            name, wanted = live["metadata"]["name"], live["spec"].get("selector") or {}
            fits = [one for one in running if wanted.items() <= one["metadata"]["labels"].items()]
            ports = [{"name": one.get("name", ""), "port": one["targetPort"]} for one in live["spec"]["ports"]]
            subsets = []
            if fits and wanted:
                pod_name = fits[0]["metadata"]["name"]
                self.network.behind[f"{name}:80"] = f"{pod_name}:{pods.PORT}"
                # The API server leads to no address that it does not find at a pod.
                target = {"kind": "Pod", "namespace": NAMESPACE, "name": pod_name}
                subsets = [{"addresses": [{"ip": ADDRESS, "targetRef": target}], "ports": ports}]
            if self.ends.get(live["metadata"]["uid"]) != subsets:
                body = {"metadata": {"name": name}, "subsets": subsets}
                if self.http.put(f"{ENDPOINTS}/{name}", json=body).is_success:
                    self.ends[live["metadata"]["uid"]] = subsets

    def _end_pods(self) -> None:
        """Pods of revisions that nothing asks for any more."""
        workloads = [one for path in (DEPLOYMENTS, INFERENCE) for one in self.http.get(path).json()["items"]]
        asked = {spec.id for one in workloads for spec in (reading.asked_for(one), reading.rolled(one)) if spec}
        for live in self.http.get(PODS).json()["items"]:
            if (spec := pods.told(live["spec"])) and spec.id not in asked:
                self.http.delete(f"{PODS}/{live['metadata']['name']}", params={"gracePeriodSeconds": "0"})

    def _deployment(self, live: Json) -> Json:
        wanted, seen = live["spec"]["replicas"], live["metadata"]["generation"]
        count = wanted if self._loads(live) else 0
        status: Json = {"observedGeneration": seen, "replicas": wanted, "updatedReplicas": wanted}
        return status | {"readyReplicas": count, "availableReplicas": count, "unavailableReplicas": wanted - count}

    def _inference(self, live: Json) -> Json:
        if live["metadata"]["annotations"].get("serving.kserve.io/deploymentMode") == "RawDeployment":
            loads = self._loads(live)
            if loads:
                self._have_service(live)
            return {"conditions": [{"type": "Ready", "status": "True" if loads else "False"}]}
        return self._knative(live)

    def _have_service(self, live: Json) -> None:
        """The one that KServe makes for the pods of an InferenceService, and its garbage collector takes away."""
        name, owner = f"{live['metadata']['name']}-predictor", live["metadata"]
        if self.http.get(f"{SERVICES}/{name}").status_code == 404:
            ports = [{"name": name, "port": 80, "targetPort": pods.PORT}]
            selector = {names.POD: owner["name"]}
            body = {"metadata": {"name": name}, "spec": {"ports": ports, "selector": selector}}
            self.http.post(SERVICES, json=body)

    def _knative(self, live: Json) -> Json:
        """A Knative revision for each new pod; the last that had all the traffic stays beside the latest."""
        name, uid = live["metadata"]["name"], live["metadata"]["uid"]
        before = (live.get("status") or {}).get("components", {}).get("predictor", {})
        made = self.numbers.setdefault(uid, [])
        predictor = {k: v for k, v in live["spec"]["predictor"].items() if k not in ("canaryTrafficPercent", "timeout")}
        template = json.dumps(predictor, sort_keys=True)
        if not made or made[-1] != template:
            made.append(template)
        created = f"{name}-predictor-{len(made):05d}"
        ready = created if self._loads(live) else before.get("latestReadyRevision")
        rolled = before.get("latestRolledoutRevision")
        percent = live["spec"]["predictor"].get("canaryTrafficPercent")
        if ready and (percent is None or not rolled):
            percent, rolled = 100, ready
        told: Json = {"latestCreatedRevision": created, "latestReadyRevision": ready, "latestRolledoutRevision": rolled}
        told["traffic"] = [{"latestRevision": True, "percent": percent, "revisionName": ready}] if ready else []
        if ready and percent < 100:
            told["traffic"].append({"latestRevision": False, "percent": 100 - percent, "revisionName": rolled})
        return {"components": {"predictor": {name: value for name, value in told.items() if value is not None}}}

    def _route(self, live: Json) -> Json:
        told = {
            "lastTransitionTime": "2026-01-01T00:00:00Z",
            "message": "",
            "observedGeneration": live["metadata"]["generation"],
            "status": "True",
        }
        conditions = [{"type": kind, "reason": kind, **told} for kind in ("Accepted", "ResolvedRefs")]
        parent = live["spec"]["parentRefs"][0]
        return {"parents": [{"controllerName": "example.org/gw", "parentRef": parent, "conditions": conditions}]}

    def _loads(self, live: Json) -> bool:
        """What the container would find; a pod that gave up is shown with its last words."""
        spec = reading.asked_for(live)
        if spec is None:
            return False
        held = spec.digest if spec.digest in self.approved else "others" if spec.digest in self.broken else ""
        found = held or digests.hash_tree(spec.source).digest
        if found == spec.digest:
            self.have_pod(spec)
            return True
        self._give_up(names.pod_labels(spec), names.of_revision(spec.id), f"digest_mismatch: The files have {found}.")
        return False

    def _give_up(self, labels: dict[str, str], name: str, words: str) -> None:
        container = {"name": "model", "image": "none"}
        meta = {"name": name, "labels": labels}
        body = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {"containers": [container]}}
        if self.http.post(PODS, json=body).status_code != 201:
            return
        ended = {"exitCode": pod.FINAL, "reason": "Error", "message": words}
        state = {"name": "model", "image": "none", "imageID": "", "ready": False, "restartCount": 1}
        status = {"phase": "Running", "containerStatuses": [state | {"lastState": {"terminated": ended}}]}
        self.http.patch(f"{PODS}/{name}/status", json={"status": status}, headers=MERGE)


@contextmanager
def playing(server: ApiServer) -> Iterator[Controller]:
    with server.client() as http:
        controller = Controller(http, server.network)
        thread = threading.Thread(target=controller.run, daemon=True)
        thread.start()
        try:
            yield controller
        finally:
            controller.stop()
            thread.join(30)
