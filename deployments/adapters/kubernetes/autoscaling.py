"""The autoscaler of a revision's Deployment, where the number of its replicas is left to the cluster.

It is the cluster's own, by the use of processors, in the oldest version of its API, which every cluster still serves.
"""

from typing import Any

from deployments.adapters.kubernetes import client as kinds
from deployments.adapters.kubernetes import drift, manifests, names, pods
from deployments.adapters.kubernetes.client import Client
from deployments.targets import Target
from serving.contract import RevisionSpec

Json = dict[str, Any]
BUSY = 70
"""Per cent of what a replica may use of the processors; when all do so on average, there are more of them."""


def wanted(spec: RevisionSpec, target: Target) -> Json | None:
    """None where the number of replicas is given, or where the bounds are one and one. Pure."""
    limits = spec.limits
    if target.kind != "kubernetes" or target.replicas is not None or limits.replicas_max == 1:
        return None
    own, sure = pods.processors(spec, target)
    return {
        "apiVersion": "autoscaling/v1",
        "kind": "HorizontalPodAutoscaler",
        "metadata": manifests.metadata(names.of_revision(spec.id), target, spec),
        "spec": {
            "maxReplicas": limits.replicas_max,
            "minReplicas": limits.replicas_min,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": names.of_revision(spec.id)},
            # The cluster counts by what a pod requested, which is less than what it may use.
            "targetCPUUtilizationPercentage": round(BUSY * own / sure),
        },
    }


def write(client: Client, deployment: Json, before: Json | None, spec: RevisionSpec, target: Target) -> None:
    """The Deployment, which was `before`, and its autoscaler, or none. Who scales now starts from how many there are.

    A field that its only owner leaves out falls back to its default: another manager takes the number over first.
    """
    made = wanted(spec, target)
    if made is None:
        client.apply(deployment)
        client.delete(kinds.AUTOSCALER, names.of_revision(spec.id))
        return
    if before is not None and drift.owned(before, "spec", "replicas"):
        client.apply(_count(deployment, before["spec"]["replicas"]), manager=names.SCALE_MANAGER)
    client.apply(deployment)
    if before is None:
        client.apply(_count(deployment, spec.limits.replicas_min), manager=names.SCALE_MANAGER)
    client.apply(made)


def _count(deployment: Json, replicas: int) -> Json:
    metadata = {name: deployment["metadata"][name] for name in ("name", "namespace")}
    kind = {name: deployment[name] for name in ("apiVersion", "kind")}
    return {**kind, "metadata": metadata, "spec": {"replicas": replicas}}


def changed(spec: RevisionSpec, target: Target, deployment: Json, live: Json | None) -> tuple[str, bool]:
    """What others changed of the autoscaler, "" for nothing, and whether our own settings changed since. Pure."""
    made = wanted(spec, target)
    if made is None or live is None:
        gone = made is not None and not drift.owned(deployment, "spec", "replicas")
        return ("its autoscaler is gone" if gone else ""), (made is None) != (live is None)
    found = drift.find(made, live)
    return (f"its autoscaler's {found}" if found.foreign else ""), bool(found.stale)
