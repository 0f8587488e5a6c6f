"""Reads from the rows what gates judge by."""

from collections.abc import Iterable, Mapping
from typing import Any

from deployments.gates.facts import ArtifactFacts, DataChecked, Evaluated, GateFacts
from registry.evaluations.results import read
from registry.models import DataSetVersion, Evaluation, ModelVersion
from registry.scanning.outcomes import RULES_VERSION
from registry.selectors import scans

LEFT = ("cancelled",)


def of(candidate: ModelVersion, champion: ModelVersion | None, asked: Mapping[str, Mapping[str, Any]]) -> GateFacts:
    """The facts about `candidate` for the gates a policy asks for, against what serves now."""
    names = {str(limits["data"]) for limits in asked.values() if "data" in limits}
    chosen = {name: _evaluation(candidate, champion, name) for name in sorted(names)}
    found = {name: row for name, row in chosen.items() if row is not None}
    return GateFacts(
        version=candidate.number,
        model=candidate.model.name,
        champion=champion.number if champion else None,
        evaluations={name: _evaluated(row) for name, row in found.items()},
        data=_data(candidate, found.values()) if "data_checks" in asked else (),
        artifact=_artifact(candidate) if "artifact" in asked else None,
    )


def _evaluation(candidate: ModelVersion, champion: ModelVersion | None, data: str) -> Evaluation | None:
    """The newest evaluation on this data set; one against the champion of now comes before any other."""
    rows = Evaluation.objects.filter(version=candidate).exclude(status__in=LEFT)
    rows = rows.select_related("data__data_set", "baseline").order_by("-pk")
    rows = rows.filter(data__data_set__name=data) if data else rows
    return (rows.filter(baseline=champion).first() if champion else None) or rows.first()


def _evaluated(row: Evaluation) -> Evaluated:
    return Evaluated(
        number=row.pk,
        status=row.status,
        digest=row.digest,
        data=str(row.data),
        baseline=row.baseline.number if row.baseline else None,
        results=read(row.results) if row.status == "done" else None,
        note=row.status_note,
    )


def _data(candidate: ModelVersion, evaluations: Iterable[Evaluation]) -> tuple[DataChecked, ...]:
    """The data its run named as inputs, and that of the evaluations."""
    trained = DataSetVersion.objects.filter(uses__run=candidate.run).select_related("data_set") if candidate.run else []
    rows = {row.pk: (row, "training") for row in trained}
    rows |= {row.data_id: (row.data, "evaluation") for row in evaluations}
    return tuple(DataChecked(str(row), _verdict(row), role) for _, (row, role) in sorted(rows.items()))


def _artifact(candidate: ModelVersion) -> ArtifactFacts:
    """The newest scan; its statement is verified against the records here, and against the bytes before they load."""
    known = scans.known(candidate)
    return ArtifactFacts(
        outcome=known.outcome,
        rules=known.scan.rules if known.scan else 0,
        newest_rules=RULES_VERSION,
        files=len(known.files),
        waits=known.waits,
        kinds=tuple(sorted(known.kinds)),
        worst=known.worst,
        broken=tuple(one.sentence for one in known.problems),
    )


def _verdict(row: DataSetVersion) -> str:
    newest = row.check_runs.first()
    return newest.verdict if newest else ""
