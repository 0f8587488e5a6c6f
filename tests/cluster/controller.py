"""Plays the controllers that an API server alone has not: they read what is wanted and write a status.

Deployments become ready when the files of their revision have the approved digest, as `serving.pod` would find; KServe
and the gateway take up what they are told. `held` names what a test keeps from being taken up, `approved` and `broken`
digests that load, or do not, without files.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from deployments.adapters.kubernetes import names, reading
from serving import digests, pod
from tests.cluster.apiserver import NAMESPACE, ApiServer

Json = dict[str, Any]
DEPLOYMENTS = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"
ROUTES = f"/apis/gateway.networking.k8s.io/v1/namespaces/{NAMESPACE}/httproutes"
INFERENCE = f"/apis/serving.kserve.io/v1beta1/namespaces/{NAMESPACE}/inferenceservices"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
PAUSE = 0.05


@dataclass
class Controller:
    """One pass over everything at a time; `held` are names whose status stays as it is."""

    http: httpx.Client
    held: set[str] = field(default_factory=set)
    approved: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)
    numbers: dict[str, list[str]] = field(default_factory=dict)
    _ended: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self._ended.wait(PAUSE):
            for path, play in ((DEPLOYMENTS, self._deployment), (INFERENCE, self._inference), (ROUTES, self._route)):
                for live in self.http.get(path).json()["items"]:
                    if live["metadata"]["name"] not in self.held:
                        self._write(path, live, play(live))

    def stop(self) -> None:
        self._ended.set()

    def _write(self, path: str, live: Json, status: Json) -> None:
        if live.get("status") == status:
            return
        self.http.patch(
            f"{path}/{live['metadata']['name']}/status",
            json={"status": status},
            headers={"Content-Type": "application/merge-patch+json"},
        )

    def _deployment(self, live: Json) -> Json:
        wanted, seen = live["spec"]["replicas"], live["metadata"]["generation"]
        count = wanted if self._loads(live) else 0
        status: Json = {"observedGeneration": seen, "replicas": wanted, "updatedReplicas": wanted}
        return status | {"readyReplicas": count, "availableReplicas": count, "unavailableReplicas": wanted - count}

    def _inference(self, live: Json) -> Json:
        if live["metadata"]["annotations"].get("serving.kserve.io/deploymentMode") == "RawDeployment":
            return {"conditions": [{"type": "Ready", "status": "True" if self._loads(live) else "False"}]}
        return self._knative(live)

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
        if spec.digest in self.approved:
            return True
        found = "others" if spec.digest in self.broken else digests.hash_tree(spec.source).digest
        if found == spec.digest:
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
        self.http.patch(
            f"{PODS}/{name}/status", json={"status": status}, headers={"Content-Type": "application/merge-patch+json"}
        )


@contextmanager
def playing(server: ApiServer) -> Iterator[Controller]:
    with server.client() as http:
        controller = Controller(http)
        thread = threading.Thread(target=controller.run, daemon=True)
        thread.start()
        try:
            yield controller
        finally:
            controller.stop()
            thread.join(30)
