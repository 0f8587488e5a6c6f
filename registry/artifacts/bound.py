"""What a version's rows and files say now, to be held against its signed statement."""

from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

from portal.core import digests
from registry.artifacts import binding
from registry.artifacts.binding import Bound, Problem
from registry.models import ArtifactScan, ArtifactStatement, DataSetVersion, ModelVersion
from serving.digests import Manifest, TreeRefused, manifest_from_json

UNSIGNED = Problem("unsigned", "There is no signed statement about it yet. Scan it again.")


def key() -> Ed25519PrivateKey:
    return binding.private_key(settings.SIGNALBOX_ARTIFACT_KEY)


def of(version: ModelVersion, scan: ArtifactScan, files: Manifest | None = None) -> Bound:
    """What would be signed now. `files` are those found in the store; without, those on record."""
    return Bound(
        model=version.model.name,
        version=version.number,
        team=version.model.team.slug,
        run=version.mlflow_run_id,
        source=version.source,
        files=files or manifest_from_json(version.files),
        scan=_scanned(scan),
        data=_data(version),
    )


def _scanned(scan: ArtifactScan) -> dict[str, Any]:
    found = {"files": scan.files, "findings": scan.findings, "packages": scan.packages}
    return {"outcome": scan.outcome, "rules": scan.rules, "found": digests.of_json(found)}


def _data(version: ModelVersion) -> tuple[str, ...]:
    if version.run_id is None:
        return ()
    rows = DataSetVersion.objects.filter(uses__run=version.run_id).distinct()
    return tuple(sorted(rows.values_list("digest", flat=True)))


def problems(version: ModelVersion, files: Manifest | None = None) -> list[Problem]:
    """Why the newest statement about the version does not hold; empty when it does.

    With `files` the bytes in the store are judged, without them the records.
    """
    row = ArtifactStatement.objects.filter(version=version).select_related("scan").first()
    if row is None:
        return [UNSIGNED]
    try:
        found = of(version, row.scan, files)
    except (TreeRefused, KeyError) as error:
        return [Problem("bad_record", f"The list of its files cannot be read: {error}.")]
    return binding.problems(row.envelope, key().public_key(), found)
