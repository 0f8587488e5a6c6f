"""Deployment, Service and ConfigMap of what is wanted, as plain data for server-side apply. Pure.

Fields whose defaults the cluster would fill in are written out where we mean to own them.
"""

from typing import Any

from deployments.adapters.kubernetes import names, pods
from deployments.targets import Target
from serving.contract import RevisionSpec

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


def keys(environment: str, endpoint: str, hashes: frozenset[str], target: Target) -> Json:
    """The hashes of an endpoint's keys, which its pods mount. A hash is no secret: the key is not to be had from it."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": names.of_keys(environment, endpoint),
            "namespace": target.namespace,
            "labels": {names.MANAGED_BY: names.MANAGER, names.COMPONENT: "keys"},
        },
        "data": {pods.HASHES: "\n".join(sorted(hashes))},
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
