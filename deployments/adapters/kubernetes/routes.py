"""The HTTPRoute that splits an endpoint's traffic. Pure."""

import json
from typing import Any

from deployments.adapters.kubernetes import names
from deployments.targets import Target
from serving import contract
from serving.contract import CUT_SCALE, RouteSpec

Json = dict[str, Any]
PATHS = ("invocations", "v2")
"""What callers may ask; a revision's other paths are the portal's own."""
ROUTERS = [f"x-signalbox-{name}" for name in ("assigned", "at", "attempt", "hedge")]
"""What a router of ours tells a revision and a Gateway does not: from callers it would count."""


def route(spec: RouteSpec, target: Target) -> Json:
    """The endpoint's address and how its traffic is split. Weights are basis points and sum to the whole."""
    namespace, _, gateway = target.gateway.partition("/")
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
            "rules": [_rule(spec, target, path) for path in PATHS],
        },
    }
    if target.hostname:
        found["spec"]["hostnames"] = [target.hostname]
    return found


def _rule(spec: RouteSpec, target: Target, path: str) -> Json:
    """Below the endpoint's own address only `path`, and that without the address: so a revision is asked everywhere."""
    rewrite = {"path": {"replacePrefixMatch": f"/{path}", "type": "ReplacePrefixMatch"}}
    return {
        "backendRefs": _backends(spec, target),
        "filters": [{"type": "URLRewrite", "urlRewrite": rewrite}],
        "matches": [{"path": {"type": "PathPrefix", "value": f"/{spec.environment}/{spec.endpoint}/{path}"}}],
    }


def backend_of(revision_id: str, target: Target) -> str:
    """The Service that leads to a revision: ours, or the one KServe makes for its InferenceService."""
    name = names.of_revision(revision_id)
    return f"{name}-predictor" if target.kind == "kserve" else name


def _backends(spec: RouteSpec, target: Target) -> list[Json]:
    """Callers cannot name arm or generation themselves: the headers are set anew here, or taken away."""
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
            "remove": ROUTERS,
            "set": [{"name": f"x-signalbox-{name}", "value": value} for name, value in told.items()],
        },
        "type": "RequestHeaderModifier",
    }
