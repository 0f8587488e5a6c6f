"""Reads from the rows what gates judge by."""

from collections.abc import Iterable, Mapping
from typing import Any

from deployments.gates import catalogue
from deployments.gates.facts import ArtifactFacts, DataChecked, Evaluated, GateFacts
from deployments.models import Endpoint, Rollout
from deployments.selectors import incident_source, rehearsals
from portal.core import clock
from registry.evaluations.results import read
from registry.models import DataSetVersion, Evaluation, ModelVersion
from registry.scanning.outcomes import RULES_VERSION
from registry.selectors import cards, scans

LEFT = ("cancelled",)
Asked = Mapping[str, Mapping[str, Any]]


def of(endpoint: Endpoint, candidate: ModelVersion, champion: ModelVersion | None, limits: Asked) -> GateFacts:
    """The facts about `candidate` on `endpoint`, which may be unsaved, for the gates that are asked of its model."""
    asked = catalogue.asked_of(candidate.model.name, limits)
    names = {str(one["data"]) for one in asked.values() if "data" in one}
    chosen = {name: _evaluation(candidate, champion, name) for name in sorted(names)}
    found = {name: row for name, row in chosen.items() if row is not None}
    both = [candidate, champion] if champion else [candidate]
    return GateFacts(
        version=candidate.number,
        model=candidate.model.name,
        champion=champion.number if champion else None,
        evaluations={name: evaluated(row) for name, row in found.items()},
        data=_data(candidate, found.values()) if "data_checks" in asked else (),
        artifact=_artifact(candidate) if "artifact" in asked else None,
        card=cards.of(candidate) if "card" in asked else None,
        signature=candidate.signature,
        champion_signature=champion.signature if champion else None,
        endpoint=rehearsals.address(endpoint),
        served_before=_served_before(endpoint, champion) if "rehearsal" in asked else False,
        rehearsal=rehearsals.rollback(endpoint, champion) if "rehearsal" in asked else None,
        drill=rehearsals.drill(endpoint, champion) if "rehearsal" in asked else None,
        incidents=incident_source.open_severe(both) if "incidents" in asked else None,
        now=clock.now() if "rehearsal" in asked else None,
    )


def _served_before(endpoint: Endpoint, champion: ModelVersion | None) -> bool:
    """Whether another version than the one that serves ever did, so that there was a way back."""
    done = Rollout.objects.filter(endpoint_id=endpoint.pk, status="completed")
    return champion is not None and done.exclude(to_revision__version=champion).exists()


def _evaluation(candidate: ModelVersion, champion: ModelVersion | None, data: str) -> Evaluation | None:
    """The newest evaluation on this data set; one against the champion of now comes before any other."""
    rows = Evaluation.objects.filter(version=candidate).exclude(status__in=LEFT)
    rows = rows.select_related("data__data_set", "baseline").order_by("-pk")
    rows = rows.filter(data__data_set__name=data) if data else rows
    return (rows.filter(baseline=champion).first() if champion else None) or rows.first()


def evaluated(row: Evaluation) -> Evaluated:
    return Evaluated(
        number=row.pk,
        status=row.status,
        digest=row.digest,
        data=str(row.data),
        baseline=row.baseline.number if row.baseline else None,
        results=read(row.results) if row.status == "done" else None,
        note=row.status_note,
        settings=row.settings,
    )


def data_of(candidate: ModelVersion, evaluations: Iterable[Evaluation]) -> dict[int, tuple[DataSetVersion, str]]:
    """The data its run named as inputs, and that of the evaluations, each with the part it has."""
    trained = DataSetVersion.objects.filter(uses__run=candidate.run).select_related("data_set") if candidate.run else []
    rows = {row.pk: (row, "training") for row in trained}
    return rows | {row.data_id: (row.data, "evaluation") for row in evaluations}


def _data(candidate: ModelVersion, evaluations: Iterable[Evaluation]) -> tuple[DataChecked, ...]:
    rows = data_of(candidate, evaluations)
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
