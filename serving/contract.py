"""What the portal and the data plane agree on: what a revision and a route table are, and how they are addressed.

Pure: no file, no socket, no library. The portal may import this module and `serving.digests`, nothing else of ours.
"""

import json
import math
import re
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, TypeAlias

CUT_SCALE = 10_000
"""A cut is counted in basis points: 10000 sends everything to the canary."""

BODY_LIMIT = 8 * 1024 * 1024
SLOTS = 32
SEGMENTS = 3
MOST_REPLICAS = 4

State: TypeAlias = Literal["absent", "loading", "ready", "failed"]
Arm: TypeAlias = Literal["stable", "canary", "shadow"]

HEADER_UNIT = "x-unit-id"
HEADER_REQUEST = "x-request-id"
HEADER_PREDICTION = "x-prediction-id"
HEADER_VERSION = "x-served-version"
HEADER_REVISION = "x-served-revision"
HEADER_ARM = "x-served-arm"
HEADER_KEY = "x-endpoint-key"
HEADER_DEADLINE = "x-deadline-ms"
HEADER_TRACE = "traceparent"

NAME = re.compile(r"[A-Za-z0-9_-]{1,60}")
REVISION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
SALT = re.compile(r"[A-Za-z0-9_-]{0,64}")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
KEY_HASH = re.compile(r"[0-9a-f]{64}")
LARGEST_GENERATION = 2**63 - 1


class Invalid(ValueError):
    """A spec that cannot be carried out. `field` names the part that is wrong."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(f"{field}: {detail}")
        self.field = field
        self.detail = detail


LATENCY_EDGES_MS: tuple[float, ...] = (0.0, *(float(f"{0.25 * 1.12**step:.4g}") for step in range(105)), math.inf)
"""From a quarter of a millisecond to half a minute, each bucket 12 % wider than the one before: a guard on a ratio of
latencies sees no finer than its buckets, see docs/rollout-judgement.md."""
SCORE_BINS = 20
"""Of a score from 0 to 1, equal widths."""


DIFFERENCE_BINS = 40
"""Of the difference of two scores, -1 to 1, equal widths."""


@dataclass(frozen=True, slots=True)
class Measures:
    """What one revision has answered since its counters began; they only rise within an `epoch`.

    `epoch` changes when they started anew (the process restarted). `requests` are predictions asked for and not the
    caller's fault; `errors` of them were answered 5xx or died unanswered; `refused` are the caller's fault, 4xx.
    `latency` holds answered predictions per bucket of `LATENCY_EDGES_MS`. `answers` counts labels of class answers (at
    most 100, the rest under `other`), or `bin 0` to `bin 19` of scores; `arms` requests by `stable` and `canary`.
    `peak_memory` is resident bytes, `busy_ms` the time the model has been at work, `reasons` the errors by their code.
    """

    revision: str
    epoch: str
    requests: int
    errors: int
    refused: int
    latency: tuple[int, ...]
    answers: dict[str, int]
    arms: dict[str, int]
    peak_memory: int
    busy_ms: float
    reasons: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one revision's processes. Bytes, seconds and milliseconds as the names say; each process has them."""

    memory_bytes: int = 2 * 1024**3
    start_seconds: int = 60
    deadline_ms: int = 10_000
    rows: int = 10_000
    body_bytes: int = BODY_LIMIT
    files: int = 10_000
    copy_bytes: int = 32 * 1024**3
    spool_bytes: int = 256 * 1024**2
    spool_seconds: int = 7 * 24 * 3600
    replicas_min: int = 1
    replicas_max: int = 1


@dataclass(frozen=True, slots=True)
class RevisionSpec:
    """What to load: `source` is a folder in the artifact store, `digest` the approved one over its files."""

    id: str
    environment: str
    endpoint: str
    model: str
    version: int
    revision: int
    source: str
    digest: str
    signature: dict[str, Any] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class RouteSpec:
    """A full route table of one endpoint. `cut` basis points of the traffic go to `canary`, the rest to `stable`."""

    environment: str
    endpoint: str
    generation: int
    stable: str
    canary: str | None = None
    cut: int = 0
    salt: str = ""


@dataclass(frozen=True, slots=True)
class ShadowSpec:
    """Which revision is asked again what callers of an endpoint asked the others, and how it is compared.

    `share` basis points of the predictions are copied, at most `per_second` of them; `threshold` makes classes of
    scores, and `segments` are up to three columns of the input that differences are shown by.
    """

    environment: str
    endpoint: str
    revision: str
    share: int = CUT_SCALE
    per_second: int = 50
    threshold: float | None = None
    segments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ShadowReport:
    """What a shadow has shown since `since` (ISO 8601, UTC). Counts only rise.

    `copied` predictions were sent to it, `failed` of them gave no answer (`reasons` by code), `shed` were not looked at
    so that copying never falls behind; `ready` is False while the revision does not run. `all`, and each value of each
    column in `segments`, holds rows compared, rows with the same answer, and number, sum and sum of squares of the
    differences of scores, shadow minus answered. `flips` counts changes of class ("0 → 1"), `differences` rows per bin
    of the difference of scores, `latency` and `shadow_latency` predictions per bucket of `LATENCY_EDGES_MS`.
    """

    revision: str
    since: str
    ready: bool
    copied: int
    failed: int
    shed: int
    reasons: dict[str, int]
    all: dict[str, float]
    flips: dict[str, int]
    differences: tuple[int, ...]
    latency: tuple[int, ...]
    shadow_latency: tuple[int, ...]
    segments: dict[str, dict[str, dict[str, float]]]


@dataclass(frozen=True, slots=True)
class EndpointKey:
    """A caller's key for one endpoint; only the SHA-256 of the key, in lower-case hex, ever leaves the caller."""

    hash: str
    environment: str
    endpoint: str


def revision_spec(revision_id: str, body: Any) -> RevisionSpec:
    """Check the body of `PUT /revisions/{id}`. Raises `Invalid`."""
    given = _mapping(body, {f.name for f in fields(RevisionSpec)} - {"id"})
    return RevisionSpec(
        id=_match("id", revision_id, REVISION_ID),
        environment=_match("environment", given.get("environment"), NAME),
        endpoint=_match("endpoint", given.get("endpoint"), NAME),
        model=_text("model", given.get("model"), 256),
        version=_whole("version", given.get("version"), 0, LARGEST_GENERATION),
        revision=_whole("revision", given.get("revision"), 0, LARGEST_GENERATION),
        source=_text("source", given.get("source"), 4096),
        digest=_match("digest", given.get("digest"), DIGEST),
        signature=dict(_mapping(given.get("signature") or {}, None, "signature")),
        limits=_limits(given.get("limits") or {}),
    )


def revision_from_text(text: str) -> RevisionSpec:
    """Read back what `as_json` made, as JSON text. Raises `Invalid`."""
    try:
        body = json.loads(text)
    except ValueError as error:
        raise Invalid("revision", f"must be JSON: {error}") from error
    given = dict(_mapping(body, None, "revision"))
    return revision_spec(str(given.pop("id", "")), given)


def route_spec(body: Any) -> RouteSpec:
    """Check the body of `PUT /routes`. Raises `Invalid`."""
    given = _mapping(body, {f.name for f in fields(RouteSpec)})
    canary = given.get("canary") or None
    spec = RouteSpec(
        environment=_match("environment", given.get("environment"), NAME),
        endpoint=_match("endpoint", given.get("endpoint"), NAME),
        generation=_whole("generation", given.get("generation"), 1, LARGEST_GENERATION),
        stable=_match("stable", given.get("stable"), REVISION_ID),
        canary=None if canary is None else _match("canary", canary, REVISION_ID),
        cut=_whole("cut", given.get("cut", 0), 0, CUT_SCALE),
        salt=_match("salt", given.get("salt") or "", SALT),
    )
    if spec.canary is None and spec.cut:
        raise Invalid("cut", "must be 0 where there is no canary")
    if spec.canary == spec.stable:
        raise Invalid("canary", "must be another revision than stable")
    return spec


def endpoint_keys(environment: str, endpoint: str, body: Any) -> tuple[EndpointKey, ...]:
    """Check a call of `PUT /keys/{environment}/{endpoint}`: `{"hashes": [...]}`, all of its keys. Raises `Invalid`."""
    hashes = _mapping(body, {"hashes"}).get("hashes")
    if not isinstance(hashes, list):
        raise Invalid("hashes", "must be a list")
    where = _match("environment", environment, NAME), _match("endpoint", endpoint, NAME)
    found = {EndpointKey(_match("hash", one, KEY_HASH), *where) for one in hashes}
    return tuple(sorted(found, key=lambda key: key.hash))


def shadow_spec(environment: str, endpoint: str, body: Any) -> ShadowSpec:
    """Check the body of `PUT /shadows/{environment}/{endpoint}`. Raises `Invalid`."""
    given = _mapping(body, {f.name for f in fields(ShadowSpec)} - {"environment", "endpoint"})
    threshold, segments = given.get("threshold"), given.get("segments", [])
    if threshold is not None and (isinstance(threshold, bool) or not isinstance(threshold, int | float)):
        raise Invalid("threshold", "must be a number or null")
    if not isinstance(segments, list) or len(segments) > SEGMENTS:
        raise Invalid("segments", f"must be a list of at most {SEGMENTS} columns")
    return ShadowSpec(
        environment=_match("environment", environment, NAME),
        endpoint=_match("endpoint", endpoint, NAME),
        revision=_match("revision", given.get("revision"), REVISION_ID),
        share=_whole("share", given.get("share", CUT_SCALE), 1, CUT_SCALE),
        per_second=_whole("per_second", given.get("per_second", 50), 1, 1000),
        threshold=None if threshold is None else float(threshold),
        segments=tuple(_text("segments", one, 200) for one in segments),
    )


def shadow_report(body: Any) -> ShadowReport:
    """A report as it comes over the wire. Raises `Invalid` for what is none."""
    given = _mapping(body, {f.name for f in fields(ShadowReport)})
    try:
        listed = {name: tuple(given[name]) for name in ("differences", "latency", "shadow_latency")}
        return ShadowReport(**{**given, **listed})
    except (TypeError, KeyError) as error:
        raise Invalid("report", "must be a report of a shadow") from error


def measures(body: Any) -> Measures:
    """Read `Measures` back from JSON. Raises `Invalid`."""
    given = _mapping(body, {f.name for f in fields(Measures)}, "measures")
    try:
        return Measures(**{**given, "latency": tuple(given["latency"])})
    except (TypeError, KeyError) as error:
        raise Invalid("measures", f"cannot be read: {error}") from error


def as_json(spec: ShadowSpec | ShadowReport | RevisionSpec | RouteSpec | EndpointKey | Measures) -> dict[str, Any]:
    """The spec as plain data, with its id; `revision_spec`, `route_spec` and `measures` read it back."""
    return asdict(spec)


def bucket(unit: str, salt: str) -> int:
    """Where a unit falls, 0 to 9999; below the cut it goes to the canary. The router computes the same."""
    return zlib.crc32(f"{unit}:{salt}".encode()) % CUT_SCALE


def arm_of(unit: str, spec: RouteSpec) -> Arm:
    return "canary" if spec.canary and bucket(unit, spec.salt) < spec.cut else "stable"


def invocations_url(gateway: str, environment: str, endpoint: str) -> str:
    """Where MLflow's scoring protocol is spoken."""
    return f"{gateway.rstrip('/')}/{environment}/{endpoint}/invocations"


def v2_url(gateway: str, environment: str, endpoint: str, path: str = "") -> str:
    """Where the Open Inference Protocol is spoken; `path` is below `/v2`, such as `health/ready`."""
    return f"{gateway.rstrip('/')}/{environment}/{endpoint}/v2" + (f"/{path}" if path else "")


def infer_url(gateway: str, environment: str, endpoint: str) -> str:
    return v2_url(gateway, environment, endpoint, f"models/{endpoint}/infer")


def _mapping(value: Any, known: set[str] | None, name: str = "body") -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Invalid(name, "must be a JSON object")
    if known is not None and (unknown := sorted(set(value) - known)):
        raise Invalid(str(unknown[0])[:80], "is not known here; known are " + ", ".join(sorted(known)))
    return value


def _match(name: str, value: Any, pattern: re.Pattern[str]) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise Invalid(name, f"must match {pattern.pattern}")
    return value


def _text(name: str, value: Any, longest: int) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= longest or not value.isprintable():
        raise Invalid(name, f"must be a text of 1 to {longest} printable characters")
    return value


def _whole(name: str, value: Any, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise Invalid(name, f"must be a whole number from {least} to {most}")
    return value


def _limits(body: Any) -> Limits:
    names = {f.name for f in fields(Limits)}
    given = _mapping(body, names, "limits")
    limits = Limits(**{name: _whole(f"limits.{name}", value, 1, 2**50) for name, value in given.items()})
    _whole("limits.replicas_max", limits.replicas_max, limits.replicas_min, MOST_REPLICAS)
    return limits
