"""What the portal asks for: revisions with their limits, route tables, shadows and keys, and how a body becomes one."""

import json
import zlib
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, TypeAlias

from serving.contract.checks import (
    DIGEST,
    KEY_HASH,
    LARGEST_GENERATION,
    NAME,
    REVISION_ID,
    SALT,
    Invalid,
    mapping,
    match,
    text,
    whole,
)
from serving.contract.reports import Measures, Served, ShadowReport

CUT_SCALE = 10_000
"""A cut is counted in basis points: 10000 sends everything to the canary."""

BODY_LIMIT = 8 * 1024 * 1024
SLOTS = 32
SEGMENTS = 3
MOST_REPLICAS = 4

State: TypeAlias = Literal["absent", "loading", "ready", "failed"]
Arm: TypeAlias = Literal["stable", "canary", "shadow"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one revision's processes. Bytes, seconds and milliseconds as the names say; each process has them.

    `cpu_millis` is the most it may use of the processors, in thousandths of one; 0 for no bound of its own. After
    `hedge_ms` without an answer another process is asked the same; 0 for never.
    """

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
    cpu_millis: int = 0
    hedge_ms: int = 0


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
class EndpointKey:
    """A caller's key for one endpoint; only the SHA-256 of the key, in lower-case hex, ever leaves the caller."""

    hash: str
    environment: str
    endpoint: str


def revision_spec(revision_id: str, body: Any) -> RevisionSpec:
    """Check the body of `PUT /revisions/{id}`. Raises `Invalid`."""
    given = mapping(body, {f.name for f in fields(RevisionSpec)} - {"id"})
    return RevisionSpec(
        id=match("id", revision_id, REVISION_ID),
        environment=match("environment", given.get("environment"), NAME),
        endpoint=match("endpoint", given.get("endpoint"), NAME),
        model=text("model", given.get("model"), 256),
        version=whole("version", given.get("version"), 0, LARGEST_GENERATION),
        revision=whole("revision", given.get("revision"), 0, LARGEST_GENERATION),
        source=text("source", given.get("source"), 4096),
        digest=match("digest", given.get("digest"), DIGEST),
        signature=dict(mapping(given.get("signature") or {}, None, "signature")),
        limits=_limits(given.get("limits") or {}),
    )


def revision_from_text(text: str) -> RevisionSpec:
    """Read back what `as_json` made, as JSON text. Raises `Invalid`."""
    try:
        body = json.loads(text)
    except ValueError as error:
        raise Invalid("revision", f"must be JSON: {error}") from error
    given = dict(mapping(body, None, "revision"))
    return revision_spec(str(given.pop("id", "")), given)


def route_spec(body: Any) -> RouteSpec:
    """Check the body of `PUT /routes`. Raises `Invalid`."""
    given = mapping(body, {f.name for f in fields(RouteSpec)})
    canary = given.get("canary") or None
    spec = RouteSpec(
        environment=match("environment", given.get("environment"), NAME),
        endpoint=match("endpoint", given.get("endpoint"), NAME),
        generation=whole("generation", given.get("generation"), 1, LARGEST_GENERATION),
        stable=match("stable", given.get("stable"), REVISION_ID),
        canary=None if canary is None else match("canary", canary, REVISION_ID),
        cut=whole("cut", given.get("cut", 0), 0, CUT_SCALE),
        salt=match("salt", given.get("salt") or "", SALT),
    )
    if spec.canary is None and spec.cut:
        raise Invalid("cut", "must be 0 where there is no canary")
    if spec.canary == spec.stable:
        raise Invalid("canary", "must be another revision than stable")
    return spec


def endpoint_keys(environment: str, endpoint: str, body: Any) -> tuple[EndpointKey, ...]:
    """Check a call of `PUT /keys/{environment}/{endpoint}`: `{"hashes": [...]}`, all of its keys. Raises `Invalid`."""
    hashes = mapping(body, {"hashes"}).get("hashes")
    if not isinstance(hashes, list):
        raise Invalid("hashes", "must be a list")
    where = match("environment", environment, NAME), match("endpoint", endpoint, NAME)
    found = {EndpointKey(match("hash", one, KEY_HASH), *where) for one in hashes}
    return tuple(sorted(found, key=lambda key: key.hash))


def names_versions(body: Any) -> bool:
    """Check the body of `PUT /naming/{environment}/{endpoint}`: `{"names_versions": true}`. Raises `Invalid`."""
    given = mapping(body, {"names_versions"}).get("names_versions")
    if not isinstance(given, bool):
        raise Invalid("names_versions", "must be true or false")
    return given


def shadow_spec(environment: str, endpoint: str, body: Any) -> ShadowSpec:
    """Check the body of `PUT /shadows/{environment}/{endpoint}`. Raises `Invalid`."""
    given = mapping(body, {f.name for f in fields(ShadowSpec)} - {"environment", "endpoint"})
    threshold, segments = given.get("threshold"), given.get("segments", [])
    if threshold is not None and (isinstance(threshold, bool) or not isinstance(threshold, int | float)):
        raise Invalid("threshold", "must be a number or null")
    if not isinstance(segments, list) or len(segments) > SEGMENTS:
        raise Invalid("segments", f"must be a list of at most {SEGMENTS} columns")
    return ShadowSpec(
        environment=match("environment", environment, NAME),
        endpoint=match("endpoint", endpoint, NAME),
        revision=match("revision", given.get("revision"), REVISION_ID),
        share=whole("share", given.get("share", CUT_SCALE), 1, CUT_SCALE),
        per_second=whole("per_second", given.get("per_second", 50), 1, 1000),
        threshold=None if threshold is None else float(threshold),
        segments=tuple(text("segments", one, 200) for one in segments),
    )


def as_json(
    spec: ShadowSpec | ShadowReport | RevisionSpec | RouteSpec | EndpointKey | Measures | Served,
) -> dict[str, Any]:
    """The spec as plain data, with its id; `revision_spec`, `route_spec` and `measures` read it back."""
    return asdict(spec)


def bucket(unit: str, salt: str) -> int:
    """Where a unit falls, 0 to 9999; below the cut it goes to the canary. The router computes the same."""
    return zlib.crc32(f"{unit}:{salt}".encode()) % CUT_SCALE


def arm_of(unit: str, spec: RouteSpec) -> Arm:
    return "canary" if spec.canary and bucket(unit, spec.salt) < spec.cut else "stable"


def _limits(body: Any) -> Limits:
    names = {f.name for f in fields(Limits)}
    given = mapping(body, names, "limits")
    least = {"cpu_millis": 0, "hedge_ms": 0}
    checked = {name: whole(f"limits.{name}", value, least.get(name, 1), 2**50) for name, value in given.items()}
    limits = Limits(**checked)
    whole("limits.replicas_max", limits.replicas_max, limits.replicas_min, MOST_REPLICAS)
    if limits.hedge_ms and limits.replicas_max == 1:
        raise Invalid("limits.hedge_ms", "needs a second process to ask: limits.replicas_max of 2 or more")
    if limits.hedge_ms >= limits.deadline_ms:
        raise Invalid("limits.hedge_ms", "must be less than limits.deadline_ms")
    return limits
