"""KServe's InferenceService in both shapes of a canary. Pure.

The predictor is our own container, not one of KServe's: it loads nothing whose digest is not the approved one, and it
speaks the same protocols.
"""

import json
from dataclasses import dataclass
from typing import Any

from deployments.adapters.kubernetes import manifests, names, pods
from deployments.targets import Target
from serving import contract
from serving.contract import RevisionSpec, RouteSpec

Json = dict[str, Any]
MODE = "serving.kserve.io/deploymentMode"
VISIBILITY = "networking.knative.dev/visibility"
PRIVATE = "cluster-local"


def of_revision(spec: RevisionSpec, target: Target, store: str) -> Json:
    """One InferenceService for one revision, without Knative; an HTTPRoute stands in front of two of them."""
    return _service(
        {
            "name": names.of_revision(spec.id),
            "namespace": target.namespace,
            "labels": names.labels("revision", spec),
            "annotations": {MODE: "RawDeployment", **manifests.annotations(spec)},
        },
        predictor(spec, target, store),
    )


@dataclass(frozen=True, slots=True)
class Slots:
    """What one InferenceService holds of an endpoint: KServe keeps what was rolled out beside the latest.

    `percent` of the traffic goes to `latest`, None stands for all of it. `before` is the newest Knative revision there
    was when `latest` was first written: a later one is its own. Without a table only the cluster itself reaches it.
    """

    latest: RevisionSpec
    rolled: RevisionSpec | None = None
    percent: int | None = None
    before: str = ""
    table: RouteSpec | None = None

    @property
    def all(self) -> dict[str, RevisionSpec]:
        return {spec.id: spec for spec in (self.rolled, self.latest) if spec is not None}


def of_endpoint(slots: Slots, target: Target, store: str) -> Json:
    """One InferenceService for an endpoint, whose traffic KServe splits itself."""
    latest, table = slots.latest, slots.table
    labels = names.labels("endpoint", latest)
    if table is None:
        labels[VISIBILITY] = PRIVATE
    told = {
        MODE: "Serverless",
        names.REVISION: latest.id,
        names.DIGEST: latest.digest,
        names.BEFORE: slots.before,
        names.ROLLED: _packed(slots.rolled),
        names.TABLE: _packed(table),
        names.GENERATION: str(table.generation if table else 0),
    }
    wanted = predictor(latest, target, store)
    if slots.percent is not None:
        wanted["canaryTrafficPercent"] = slots.percent
    name = names.of_endpoint(latest.environment, latest.endpoint)
    return _service({"name": name, "namespace": target.namespace, "labels": labels, "annotations": told}, wanted)


def predictor(spec: RevisionSpec, target: Target, store: str) -> Json:
    found = {
        **pods.pod(spec, target, store, name="kserve-container"),
        "annotations": manifests.annotations(spec),
        "labels": names.pod_labels(spec),
        "timeout": max(1, spec.limits.deadline_ms // 1000),
    }
    limits = spec.limits
    if target.replicas is not None:
        found |= {"minReplicas": target.replicas, "maxReplicas": target.replicas}
    elif limits.replicas_max > 1:
        found |= {"minReplicas": limits.replicas_min, "maxReplicas": limits.replicas_max}
    return found


def _service(metadata: Json, wanted: Json) -> Json:
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": metadata,
        "spec": {"predictor": wanted},
    }


def _packed(spec: RevisionSpec | RouteSpec | None) -> str:
    return json.dumps(contract.as_json(spec), sort_keys=True) if spec else ""
