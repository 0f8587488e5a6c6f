"""What our objects on a cluster are called and how they are found again."""

import hashlib
import re

from serving.contract import RevisionSpec, RouteSpec

MANAGER = "signalbox"
"""The field manager of all our writes: who owns which field is what drift is told from."""
SCALE_MANAGER = f"{MANAGER}-scale"
"""Has written the number of replicas that an autoscaler starts from, and never writes it again."""
PREFIX = "signalbox.dev"
DIGEST, REVISION, TABLE = f"{PREFIX}/digest", f"{PREFIX}/revision", f"{PREFIX}/table"
POD = f"{PREFIX}/pod"
GENERATION, BEFORE, ROLLED = f"{PREFIX}/generation", f"{PREFIX}/before", f"{PREFIX}/rolled-out"
MANAGED_BY, COMPONENT = "app.kubernetes.io/managed-by", "app.kubernetes.io/component"
PLAIN = re.compile(r"[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?")
DIGITS = 10


def safe(text: str) -> str:
    """A name that a cluster takes: the text itself, or what is left of it and a digest of the whole."""
    if PLAIN.fullmatch(text):
        return text
    readable = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:28].strip("-")
    return f"{readable or 'x'}-{hashlib.sha256(text.encode()).hexdigest()[:DIGITS]}"


def of_revision(revision_id: str) -> str:
    return f"rev-{safe(revision_id)}"


def of_endpoint(environment: str, endpoint: str) -> str:
    return f"ep-{safe(f'{environment}.{endpoint}')}"


def of_keys(environment: str, endpoint: str) -> str:
    return f"{of_endpoint(environment, endpoint)}-keys"


def selector(component: str) -> str:
    """Finds all our objects of one component: `revision` or `endpoint`."""
    return f"{MANAGED_BY}={MANAGER},{COMPONENT}={component}"


def labels(component: str, spec: RevisionSpec | RouteSpec) -> dict[str, str]:
    """Labels hold 63 characters of few kinds; what does not fit stands in the annotations."""
    return {
        MANAGED_BY: MANAGER,
        COMPONENT: component,
        f"{PREFIX}/environment": safe(spec.environment),
        f"{PREFIX}/endpoint": safe(spec.endpoint),
    }


def pods_of(environment: str, endpoint: str) -> str:
    """Finds the pods of all revisions of an endpoint."""
    return f"{selector('revision')},{PREFIX}/environment={safe(environment)},{PREFIX}/endpoint={safe(endpoint)}"


def pod_labels(spec: RevisionSpec) -> dict[str, str]:
    """What a Service and a Deployment find their pods by."""
    return {**labels("revision", spec), POD: of_revision(spec.id)}
