"""What the status of an object on the cluster means for us. Pure. Unknown never counts as ready.

A status counts only once the cluster says it has seen the object as it is now: `observedGeneration` is not older than
`generation`.
"""

import json
from typing import Any

from deployments.adapters.kubernetes import names, pods
from deployments.targets import Target
from serving import contract
from serving.contract import Invalid, RevisionSpec, RouteSpec

Json = dict[str, Any]
FINAL = 65
"""The exit code of `serving.pod` for what no second try would mend."""


def annotation(live: Json, name: str) -> str:
    return str((live["metadata"].get("annotations") or {}).get(name) or "")


def generation(live: Json) -> int:
    """The generation that was last written; 0 for none."""
    found = annotation(live, names.GENERATION)
    return int(found) if found.isdecimal() else 0


def table(live: Json) -> RouteSpec | None:
    """The route table that was last written; None when it is gone or cannot be read."""
    try:
        return contract.route_spec(json.loads(annotation(live, names.TABLE)))
    except (Invalid, ValueError):
        return None


def rolled(live: Json) -> RevisionSpec | None:
    try:
        return contract.revision_from_text(annotation(live, names.ROLLED))
    except Invalid:
        return None


def seen(live: Json) -> bool:
    """Whether the status is about the object as it is now. KServe leaves the number out at times."""
    observed = live.get("status", {}).get("observedGeneration")
    return observed is None or observed >= live["metadata"].get("generation", 0)


def condition(live: Json, kind: str) -> Json:
    found: list[Json] = live.get("status", {}).get("conditions") or []
    return next((one for one in found if one.get("type") == kind), {})


def deployment(live: Json) -> tuple[str, str]:
    """State and reason of a Deployment."""
    status = live.get("status", {})
    if "observedGeneration" not in status or not seen(live):
        return "loading", ""
    progressing = condition(live, "Progressing")
    if progressing.get("status") == "False":
        return "failed", str(progressing.get("message") or progressing.get("reason") or "It does not progress.")
    wanted = max(1, live["spec"].get("replicas", 1))
    enough = min(status.get("updatedReplicas", 0), status.get("availableReplicas", 0)) >= wanted
    return ("ready" if enough else "loading"), ""


def available(live: Json) -> int | None:
    """How many pods of a Deployment can answer; None where its status does not say, as an InferenceService's never."""
    found = live.get("status", {}).get("availableReplicas")
    return None if found is None else int(found)


def inference(live: Json) -> tuple[str, str]:
    """State and reason of an InferenceService without Knative."""
    if not seen(live):
        return "loading", ""
    if why := load_failure(live):
        return "failed", why
    return ("ready" if condition(live, "Ready").get("status") == "True" else "loading"), ""


def latest(live: Json) -> tuple[str, str]:
    """State and reason of the newest revision of an InferenceService that splits traffic itself."""
    if not seen(live):
        return "loading", ""
    if why := load_failure(live):
        return "failed", why
    predictor = _predictor(live)
    created, ready = predictor.get("latestCreatedRevision"), predictor.get("latestReadyRevision")
    own = bool(ready) and ready == created and ready != annotation(live, names.BEFORE)
    return ("ready" if own else "loading"), ""


def load_failure(live: Json) -> str:
    """Why KServe gave up on loading; "" when it has not."""
    model = live.get("status", {}).get("modelStatus") or {}
    if model.get("transitionStatus") not in ("BlockedByFailedLoad", "InvalidSpec"):
        return ""
    info = model.get("lastFailureInfo") or {}
    return str(info.get("message") or info.get("reason") or model["transitionStatus"])


def can_answer(pod: Json) -> bool:
    """Whether a pod is ready and was not told to end."""
    told = {one.get("type"): one.get("status") for one in (pod.get("status") or {}).get("conditions") or []}
    return told.get("Ready") == "True" and not pod["metadata"].get("deletionTimestamp")


def latest_percent(live: Json) -> int | None:
    """The share of the traffic that KServe says the newest revision gets; None while it says nothing."""
    targets = _predictor(live).get("traffic") or []
    if not targets:
        return None
    return sum(int(one.get("percent") or 0) for one in targets if one.get("latestRevision"))


def newest(live: Json) -> str:
    return str(_predictor(live).get("latestCreatedRevision") or "")


def _predictor(live: Json) -> Json:
    found: Json = (live.get("status", {}).get("components") or {}).get("predictor") or {}
    return found


def last_words(found: list[Json]) -> str:
    """What a container that must not be tried again has said; "" when none has."""
    for pod in found:
        for one in pod.get("status", {}).get("containerStatuses") or []:
            for when in ("state", "lastState"):
                ended = (one.get(when) or {}).get("terminated") or {}
                if ended.get("exitCode") == FINAL:
                    return str(ended.get("message") or "The container gave up.").strip()[:500]
    return ""


def counts(pod: Json) -> bool:
    """Whether a pod has something to tell of what it has answered.

    Not one that never started, nor one that ended for good: what that had counted is known from the last look. One that
    broke and is to start again has, and cannot: whoever asks it is told so.
    """
    status, ours = pod.get("status") or {}, pods.container_name(pod.get("spec") or {})
    statuses: list[Json] = status.get("containerStatuses") or []
    found = next((one for one in statuses if ours in ("", one.get("name"))), Json())
    broke = "terminated" in (found.get("state") or {})
    if status.get("phase") in ("Succeeded", "Failed") or (broke and pod["metadata"].get("deletionTimestamp")):
        return False
    return broke or any(found.get(name) for name in ("started", "ready", "restartCount"))


def accepted(live: Json, target: Target) -> tuple[bool, str]:
    """Whether our gateway has taken this very route up, and if not, why."""
    namespace, _, gateway = target.gateway.partition("/")
    for parent in live.get("status", {}).get("parents") or []:
        named = parent.get("parentRef") or {}
        if (named.get("namespace", target.namespace), named.get("name")) == (namespace, gateway):
            return _taken_up(parent, live["metadata"].get("generation", 0))
    return False, f"The gateway {target.gateway} has not taken the route up yet."


def _taken_up(parent: Json, generation: int) -> tuple[bool, str]:
    found = {one.get("type"): one for one in parent.get("conditions") or []}
    for kind in ("Accepted", "ResolvedRefs"):
        one = found.get(kind) or {}
        if one.get("status") != "True":
            said = one.get("message") or one.get("reason") or "nothing"
            return (
                False,
                f"The gateway does not carry the route out: {kind} is {one.get('status', 'unknown')} ({said}).",
            )
        if one.get("observedGeneration", 0) < generation:
            return False, "The gateway has not taken up the newest route yet."
    return True, ""


def weights(live: Json) -> dict[str, int]:
    """Service to weight as the route has it now, whoever wrote it."""
    found: dict[str, int] = {}
    for rule in live["spec"].get("rules") or []:
        for backend in rule.get("backendRefs") or []:
            found[str(backend.get("name"))] = found.get(str(backend.get("name")), 0) + int(backend.get("weight", 1))
    return found


def leads_to(live: Json, path: str) -> tuple[str, dict[str, str]]:
    """The Service that most of what callers ask below `path` goes to, and the headers that the route sets on the way;
    "" where it leads nowhere."""
    for rule in live["spec"].get("rules") or []:
        asked = [str((one.get("path") or {}).get("value")) for one in rule.get("matches") or []]
        if any(one.endswith(f"/{path}") for one in asked):
            most: Json = max(rule.get("backendRefs") or [{}], key=lambda one: int(one.get("weight", 1)))
            return str(most.get("name") or ""), _headers_of(most)
    return "", {}


def _headers_of(backend: Json) -> dict[str, str]:
    given = [(one.get("requestHeaderModifier") or {}).get("set") or [] for one in backend.get("filters") or []]
    return {str(one["name"]).lower(): str(one["value"]) for few in given for one in few}


def asked_for(live: Json) -> RevisionSpec | None:
    """The revision that a Deployment or an InferenceService runs."""
    spec = live.get("spec") or {}
    inner = spec.get("predictor") or (spec.get("template") or {}).get("spec") or {}
    return pods.told(inner)
