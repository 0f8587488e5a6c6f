"""The pod that serves one revision: the same container whether a Deployment or KServe starts it. Pure."""

import json
import math
from typing import Any

from deployments.adapters.kubernetes import names
from deployments.targets import Target
from serving import contract
from serving.contract import Invalid, RevisionSpec

Json = dict[str, Any]

PORT, INSIDE = 8080, 8081
"""For callers, and for what the portal asks; no Service and no route leads to the second."""
HASHES = "hashes"
"""The file with the hashes of the endpoint's keys."""
ENVIRONMENT = "SIGNALBOX_REVISION"
ACCOUNT = 10_001
BASE_BYTES = 768 * 1024**2
"""What the process needs before it holds a model; the limit of the model's memory comes on top."""
FETCH_SECONDS = 60
PERIOD = 2
REQUEST_MILLIS = 100
"""What a pod is sure to get of a processor, unless it may have less."""


def container(spec: RevisionSpec, target: Target, store: str, name: str) -> Json:
    """`store` is where the artifact store lies, in the portal and in the pod alike: sources are folders below it."""
    return {
        "name": name,
        "image": target.image,
        "args": ["python", "-m", "serving", "revision"],
        "env": [
            {"name": ENVIRONMENT, "value": json.dumps(contract.as_json(spec), sort_keys=True)},
            {"name": "SIGNALBOX_SERVING_DIR", "value": "/serving"},
            {"name": "SIGNALBOX_RUN", "value": "/tmp/run"},  # noqa: S108  (a volume of the pod's own)
            {"name": "SIGNALBOX_STORE", "value": store},
            {"name": "SIGNALBOX_KEYS_FILE", "value": f"/keys/{HASHES}"},
            {"name": "SIGNALBOX_GATEWAY_KEYS", "value": target.keys},
        ],
        "ports": [{"containerPort": PORT, "protocol": "TCP"}],
        "resources": _resources(spec, target),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            "runAsGroup": ACCOUNT,
            "runAsNonRoot": True,
            "runAsUser": ACCOUNT,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [
            {"mountPath": "/keys", "name": "keys", "readOnly": True},
            {"mountPath": "/serving", "name": "serving"},
            {"mountPath": "/tmp", "name": "scratch"},  # noqa: S108
            {"mountPath": store, "name": "store", "readOnly": True},
        ],
        **_probes(spec),
    }


def volumes(spec: RevisionSpec, target: Target) -> list[Json]:
    limits = spec.limits
    return [
        {"name": "keys", "configMap": {"name": names.of_keys(spec.environment, spec.endpoint), "optional": True}},
        {"name": "serving", "emptyDir": {"sizeLimit": str(limits.copy_bytes + limits.spool_bytes)}},
        {"name": "scratch", "emptyDir": {"sizeLimit": "1Gi"}},
        {"name": "store", "persistentVolumeClaim": {"claimName": target.claim, "readOnly": True}},
    ]


def pod(spec: RevisionSpec, target: Target, store: str, name: str = "model") -> Json:
    """Nothing in it may speak to the cluster's own API."""
    found: Json = {
        "automountServiceAccountToken": False,
        "containers": [container(spec, target, store, name)],
        "volumes": volumes(spec, target),
    }
    if target.pull_secret:
        found["imagePullSecrets"] = [{"name": target.pull_secret}]
    return found


def start_seconds(spec: RevisionSpec) -> int:
    """How long copying, checking and loading may take together."""
    return spec.limits.start_seconds + FETCH_SECONDS


def told(pod_spec: Json) -> RevisionSpec | None:
    """The revision a live pod's spec asks for, read from what the process itself reads; None when it asks for none."""
    for _, text in _asking(pod_spec):
        try:
            return contract.revision_from_text(text)
        except Invalid:
            return None
    return None


def container_name(pod_spec: Json) -> str:
    """Which of a live pod's containers is ours; KServe and Knative add their own. "" where none is."""
    return next((name for name, _ in _asking(pod_spec)), "")


def _asking(pod_spec: Json) -> list[tuple[str, str]]:
    """Name of the container, and the revision it is asked for."""
    return [
        (str(one.get("name")), str(variable.get("value") or ""))
        for one in pod_spec.get("containers") or []
        for variable in one.get("env") or []
        if variable.get("name") == ENVIRONMENT
    ]


def _resources(spec: RevisionSpec, target: Target) -> Json:
    """Memory is not overcommitted: a model is not ended for its neighbour's sake. Of two bounds the lower one holds."""
    memory = str(spec.limits.memory_bytes + BASE_BYTES)
    own, sure = processors(spec, target)
    return {
        "limits": {"cpu": target.cpu if own == _millis(target.cpu) else f"{own}m", "memory": memory},
        "requests": {"cpu": f"{sure}m", "memory": memory},
    }


def processors(spec: RevisionSpec, target: Target) -> tuple[int, int]:
    """What a pod may use at most, and what it is sure to get, in thousandths of a processor."""
    most = _millis(target.cpu)
    own = min(spec.limits.cpu_millis or most, most)
    return own, min(REQUEST_MILLIS, own)


def _millis(cpu: str) -> int:
    return int(cpu[:-1]) if cpu.endswith("m") else 1000 * int(cpu)


def _probes(spec: RevisionSpec) -> Json:
    def asked(path: str, failures: int, period: int) -> Json:
        http = {"path": path, "port": PORT, "scheme": "HTTP"}
        return {"failureThreshold": failures, "httpGet": http, "periodSeconds": period, "timeoutSeconds": 2}

    return {
        "startupProbe": asked("/v2/health/live", math.ceil(start_seconds(spec) / PERIOD), PERIOD),
        "livenessProbe": asked("/v2/health/live", 3, 10),
        "readinessProbe": asked("/v2/health/ready", 2, PERIOD),
    }
