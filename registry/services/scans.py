"""Scans of versions: recorded with each look at the bytes, together with the signed statement that binds them."""

from typing import Any

from django.db import transaction

from portal.accounts import access
from portal.accounts.permissions import Permission
from portal.audit import recorder
from portal.audit.recorder import Subject
from portal.core import clock, digests, jobs
from portal.core.actors import Actor, system
from portal.core.errors import Refused
from portal.core.locking import lock
from portal.core.models import Job
from registry.artifacts import binding, bound
from registry.models import ArtifactScan, ArtifactStatement, ModelVersion
from registry.scanning import outcomes
from registry.selectors.scans import JOB, job_key


def runs_code(answer: dict[str, Any]) -> bool:
    """Whether a scan found what runs when the version is loaded, or what attacks use."""
    kinds = {outcomes.RULES[found["rule"]].kind for found in answer["findings"]}
    return answer["outcome"] == "dangerous" or "code" in kinds


def note(version: ModelVersion, answer: dict[str, Any], *, actor: Actor) -> ArtifactScan:
    """Keep what a scanner answered about a locked, ready version, and sign it. In the caller's transaction."""
    scan = ArtifactScan.objects.create(
        version=version,
        digest=version.digest,
        rules=answer["rules"],
        outcome=answer["outcome"],
        files=answer["files"],
        findings=answer["findings"],
        packages=answer["packages"],
    )
    envelope = binding.sign(bound.of(version, scan), bound.key(), clock.now().isoformat())
    ArtifactStatement.objects.create(
        version=version, scan=scan, envelope=envelope, key_id=envelope["signatures"][0]["keyid"]
    )
    recorder.record(
        "model_version.scanned",
        actor=actor,
        subject=_subject(version),
        data={
            "outcome": scan.outcome,
            "rules": scan.rules,
            "findings": len(scan.findings),
            "statement": digests.of_json(envelope),
        },
    )
    return scan


@transaction.atomic
def request(*, actor: Actor, version: ModelVersion) -> None:
    """Have the version scanned again now; asking while a scan waits changes nothing."""
    access.require(actor, Permission.MODELS_REGISTER, version.model.team_id)
    row = lock(ModelVersion.objects.filter(pk=version.pk))
    if row.status != "ready":
        raise Refused(f"{row} is not ready, so there are no files to scan yet.", code="not_ready")
    if enqueue(row):
        recorder.record("model_version.scan_requested", actor=actor, subject=_subject(row))


def enqueue(version: ModelVersion) -> bool:
    """A scan after the newest one, in the caller's transaction; False when it waits already."""
    key = job_key(version)
    waits = Job.objects.filter(key=key).exists()
    jobs.enqueue(JOB, key=key, args={"version": version.pk})
    return not waits


@transaction.atomic
def finish(context: jobs.JobContext, row: ModelVersion, answer: dict[str, Any]) -> ArtifactScan | None:
    """Keep the answer of a scan, unless the version is no longer what was scanned."""
    context.guard()
    return _kept(row, answer)


@transaction.atomic
def give_up(row: ModelVersion, *, why: str) -> None:
    """No attempt came to an end: nothing is known, and that is kept."""
    _kept(row, outcomes.failed("scan.failed", f"The scan came to nothing. {why}"))


def _kept(row: ModelVersion, answer: dict[str, Any]) -> ArtifactScan | None:
    fresh = lock(ModelVersion.objects.filter(pk=row.pk))
    if fresh.status != "ready" or fresh.digest != row.digest:
        return None
    if runs_code(answer) and not fresh.executes_code:
        fresh.executes_code = True
        fresh.save(update_fields=["executes_code"])
    return note(fresh, answer, actor=system("a scan of a version's files"))


def _subject(version: ModelVersion) -> Subject:
    return Subject.of("model_version", version.pk, str(version))
