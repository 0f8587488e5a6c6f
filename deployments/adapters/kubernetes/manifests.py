"""Deployment, Service and HTTPRoute of what is wanted, as plain data for server-side apply. Pure.

Fields whose defaults the cluster would fill in are written out where we mean to own them.
"""

import json
from typing import Any

from deployments.adapters.kubernetes import names, pods
from deployments.adapters.kubernetes.targets import Target
from serving import contract
from serving.contract import CUT_SCALE, RevisionSpec, RouteSpec

Json = dict[str, Any]
STOP_SECONDS = 15


def deployment(spec: RevisionSpec, target: Target, store: str) -> Json:
    """One revision. A new pod is ready before an old one goes, so that a new image interrupts nobody."""
    found: Json = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(names.of_revision(spec.id), target, spec),
        "spec": {
            "progressDeadlineSeconds": pods.start_seconds(spec) + 120,
            "revisionHistoryLimit": 1,
            "selector": {"matchLabels": names.pod_labels(spec)},
            "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}, "type": "RollingUpdate"},
            "template": {
                "metadata": {"labels": names.pod_labels(spec), "annotations": annotations(spec)},
                "spec": {
                    **pods.pod(spec, target, store),
                    "enableServiceLinks": False,
                    "terminationGracePeriodSeconds": STOP_SECONDS + spec.limits.deadline_ms // 1000,
                },
            },
        },
    }
    if target.replicas is not None:
        found["spec"]["replicas"] = target.replicas
    return found


def service(spec: RevisionSpec, target: Target) -> Json:
    """The address of one revision's pods, inside the cluster only."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(names.of_revision(spec.id), target, spec),
        "spec": {
            "ports": [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": pods.PORT}],
            "selector": names.pod_labels(spec),
            "type": "ClusterIP",
        },
    }


def route(spec: RouteSpec, target: Target) -> Json:
    """The endpoint's address and how its traffic is split. Weights are basis points and sum to the whole."""
    namespace, _, gateway = target.gateway.partition("/")
    prefix = {"path": {"type": "PathPrefix", "value": f"/{spec.environment}/{spec.endpoint}"}}
    rewrite = {"path": {"replacePrefixMatch": "/", "type": "ReplacePrefixMatch"}}
    found: Json = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {
            "name": names.of_endpoint(spec.environment, spec.endpoint),
            "namespace": target.namespace,
            "labels": names.labels("endpoint", spec),
            "annotations": {
                names.GENERATION: str(spec.generation),
                names.TABLE: json.dumps(contract.as_json(spec), sort_keys=True),
            },
        },
        "spec": {
            "parentRefs": [
                {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": gateway, "namespace": namespace}
            ],
            "rules": [
                {
                    "backendRefs": _backends(spec, target),
                    "filters": [{"type": "URLRewrite", "urlRewrite": rewrite}],
                    "matches": [prefix],
                }
            ],
        },
    }
    if target.hostname:
        found["spec"]["hostnames"] = [target.hostname]
    return found


def backend_of(revision_id: str, target: Target) -> str:
    """The Service that leads to a revision: ours, or the one KServe makes for its InferenceService."""
    name = names.of_revision(revision_id)
    return f"{name}-predictor" if target.kind == "kserve" else name


def _backends(spec: RouteSpec, target: Target) -> list[Json]:
    """Callers cannot name arm or generation themselves: the headers are set anew here."""
    arms = [("stable", spec.stable, CUT_SCALE - spec.cut)]
    if spec.canary:
        arms.append(("canary", spec.canary, spec.cut))
    return [
        {
            "filters": [_headers(arm, revision, spec.generation)],
            "kind": "Service",
            "name": backend_of(revision, target),
            "port": 80,
            "weight": weight,
        }
        for arm, revision, weight in arms
    ]


def _headers(arm: str, revision: str, generation: int) -> Json:
    told = {"arm": arm, "generation": str(generation), "revision": revision}
    return {
        "requestHeaderModifier": {
            "set": [{"name": f"x-signalbox-{name}", "value": value} for name, value in told.items()]
        },
        "type": "RequestHeaderModifier",
    }


def metadata(name: str, target: Target, spec: RevisionSpec) -> Json:
    return {
        "name": name,
        "namespace": target.namespace,
        "labels": names.labels("revision", spec),
        "annotations": annotations(spec),
    }


def annotations(spec: RevisionSpec) -> dict[str, str]:
    return {
        names.REVISION: spec.id,
        names.DIGEST: spec.digest,
        f"{names.PREFIX}/model": spec.model,
        f"{names.PREFIX}/version": str(spec.version),
    }
