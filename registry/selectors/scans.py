"""What is known of a version's bytes, as pages, the API, gates and cards read it: never the bytes themselves."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from portal.core.models import Job, JobState
from registry.artifacts import binding, bom, bound
from registry.artifacts.binding import Problem
from registry.models import ArtifactScan, ArtifactStatement, ModelVersion
from registry.scanning.outcomes import ORDER as OUTCOMES
from registry.scanning.outcomes import RULES, RULES_VERSION
from serving.digests import manifest_from_json

JOB = "registry.scan_version"
WORDS = {
    "clean": ("ok", "Clean"),
    "dangerous": ("bad", "Dangerous"),
    "unknown": ("warn", "Unknown"),
    "not_scanned": ("warn", "Not scanned"),
}
SEVERITIES = {"high": ("bad", "High"), "medium": ("warn", "Medium"), "low": ("mute", "Low")}
ORDER = ("high", "medium", "low")


@dataclass(frozen=True, slots=True)
class Known:
    """The newest scan (None before the first), whether another waits, and why its signed statement does not hold."""

    scan: ArtifactScan | None
    waits: bool
    problems: tuple[Problem, ...]
    files: tuple[dict[str, Any], ...] = ()
    findings: tuple[dict[str, Any], ...] = ()
    packages: tuple[dict[str, Any], ...] = field(default=())

    @property
    def outcome(self) -> str:
        return self.scan.outcome if self.scan else "not_scanned"

    @property
    def tone(self) -> str:
        return WORDS[self.outcome][0]

    @property
    def words(self) -> str:
        return WORDS[self.outcome][1]

    @property
    def short(self) -> str:
        """For the head of a page: what a scan came to, and the findings that clean files have."""
        found = f", {len(self.findings)} found" if self.findings else ""
        return f"Scan: {self.words.lower()}{found}"

    @property
    def tag(self) -> str:
        """Changes with what a page shows of it."""
        return f"{self.scan.pk if self.scan else 0}-{self.waits}"

    @property
    def current(self) -> bool:
        """Whether the newest rules were applied."""
        return self.scan is not None and self.scan.rules >= RULES_VERSION

    @property
    def worst(self) -> str:
        """The gravest finding in a sentence; "" when nothing was found."""
        found = max(self.findings, key=lambda one: OUTCOMES.index(RULES[one["rule"]].outcome), default=None)
        return f"{found['file'] or 'All files'}: {found['sentence']}" if found else ""

    @property
    def kinds(self) -> frozenset[str]:
        """What keeps it from being clean, in the words a policy admits: code, unread, or "" for anything else."""
        found = (RULES[one["rule"]] for one in self.findings)
        return frozenset(rule.kind for rule in found if rule.outcome != "clean")


def known(version: ModelVersion) -> Known:
    """Everything about the version's newest scan; costs three queries and a signature."""
    scan = ArtifactScan.objects.filter(version=version).first()
    if scan is None:
        return Known(None, waits(version), (bound.UNSIGNED,))
    return Known(
        scan,
        waits(version),
        tuple(bound.problems(version)),
        tuple({**one, "tone": WORDS[one["outcome"]][0], "words": WORDS[one["outcome"]][1]} for one in scan.files),
        tuple(_finding(one) for one in sorted(scan.findings, key=lambda one: ORDER.index(one["severity"]))),
        tuple(bom.packages(scan.packages)),
    )


def looks(versions: Iterable[ModelVersion]) -> dict[int, tuple[str, str]]:
    """Tone and words of each version's newest scan, by the version's key."""
    newest = ArtifactScan.objects.filter(version__in=versions).order_by("version_id", "-id").distinct("version_id")
    found = dict(newest.values_list("version_id", "outcome"))
    return {one.pk: WORDS[found.get(one.pk, "not_scanned")] for one in versions}


def packages(versions: Iterable[ModelVersion]) -> dict[int, dict[str, str]]:
    """What the lists of requirements name, by the version's key: package to version, or to what is wanted of it. A
    version that was not scanned, or has no list, is left out."""
    newest = ArtifactScan.objects.filter(version__in=versions).order_by("version_id", "-id").distinct("version_id")
    return {
        version: {one["name"]: one["version"] or one["wanted"] or "any" for one in bom.packages(found)}
        for version, found in newest.values_list("version_id", "packages")
        if found
    }


def _finding(one: dict[str, Any]) -> dict[str, Any]:
    tone, words = SEVERITIES[one["severity"]]
    return {**one, "tone": tone, "words": words}


def job_key(version: ModelVersion) -> str:
    """The name of the job for the next scan: one after each scan there is."""
    newest = ArtifactScan.objects.filter(version=version).values_list("pk", flat=True).first()
    return f"{JOB}:{version.pk}:{newest or 0}"


def waits(version: ModelVersion) -> bool:
    """Whether a scan is asked for and not yet recorded, or the version is still being taken in."""
    if version.status in ("registered", "validating"):
        return True
    return Job.objects.filter(key=job_key(version), state__in=(JobState.QUEUED, JobState.RUNNING)).exists()


def facts(version: ModelVersion) -> dict[str, Any]:
    """The newest scan as the API shows it, and the ones before."""
    now = known(version)
    scan = now.scan
    return {
        "outcome": now.outcome,
        "waits": now.waits,
        "digest": version.digest,
        "rules": scan.rules if scan else None,
        "newest_rules": RULES_VERSION,
        "at": scan.at if scan else None,
        "files": scan.files if scan else [],
        "findings": scan.findings if scan else [],
        "signature": {
            "holds": not now.problems,
            "problems": [{"code": one.code, "sentence": one.sentence} for one in now.problems],
        },
        "history": list(version.scans.values("rules", "outcome", "at")[:50]),
    }


def bill(version: ModelVersion) -> dict[str, Any] | None:
    """The bill of materials in CycloneDX; None before the first scan."""
    scan = ArtifactScan.objects.filter(version=version).first()
    if scan is None:
        return None
    return bom.document(
        model=version.model.name,
        version=version.number,
        files=manifest_from_json(version.files),
        found=scan.packages,
        at=scan.at.isoformat(timespec="seconds"),
        tool=settings.SIGNALBOX_VERSION,
    )


def public_key() -> dict[str, str]:
    """The key that signs statements and dossiers: its id and itself."""
    public = bound.key().public_key()
    return {"id": binding.key_id(public), "ed25519": public.public_bytes_raw().hex()}


def statement(version: ModelVersion) -> dict[str, Any] | None:
    """The newest signed envelope with the key to check it by, and whether it holds; None before the first scan."""
    row = ArtifactStatement.objects.filter(version=version).first()
    if row is None:
        return None
    found = bound.problems(version)
    return {
        "envelope": row.envelope,
        "public_key": public_key(),
        "holds": not found,
        "problems": [{"code": one.code, "sentence": one.sentence} for one in found],
    }
