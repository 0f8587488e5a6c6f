"""Data sets: made and described by people, versions registered and measured by a job, checks set for the future."""

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max

from portal.accounts import access
from portal.accounts.models import Person, Team
from portal.accounts.permissions import Permission
from portal.audit import recorder
from portal.audit.columns import recorded
from portal.audit.recorder import Subject
from portal.core import ids, jobs
from portal.core.actors import Actor, system
from portal.core.errors import BadInput, Conflict, NotFound
from portal.core.locking import lock
from portal.lifecycle.move import move
from registry.datasets.checks import BadCheck, parsed
from registry.models import DataCheckRun, DataSet, DataSetChecks, DataSetVersion
from registry.policies import data_checks, names
from registry.services import lineage

INGEST = "registry.ingest_data"
LONGEST_RETENTION_DAYS = 36_500


def subject(row: DataSet) -> Subject:
    return Subject.of("data_set", row.pk, row.name)


def version_subject(row: DataSetVersion) -> Subject:
    return Subject.of("data_set_version", row.pk, str(row))


def find(*, actor: Actor, name: str) -> DataSet:
    """The data set, if the actor may see it; `NotFound` otherwise."""
    row = DataSet.objects.select_related("team", "owner").filter(name=name).first()
    if row is None:
        raise NotFound("There is no such data set, or you may not see it.")
    access.require_visible(actor, row.team_id)
    return row


def find_version(*, actor: Actor, name: str, number: int) -> DataSetVersion:
    """The version, if the actor may see its data set; `NotFound` otherwise."""
    row = (
        find(actor=actor, name=name)
        .versions.select_related("data_set__team", "data_set__owner")
        .filter(number=number)
        .first()
    )
    if row is None:
        raise NotFound(f"{name} has no version {number}.")
    return row


@transaction.atomic
def create(*, actor: Actor, name: str, team: str, **described: Any) -> DataSet:
    """A new data set of the team with this slug; its maker owns it until another owner is named."""
    where = _team(actor, team)
    access.require(actor, Permission.DATA_REGISTER, where.pk)
    checked = names.checked(name)
    _describable(described)
    if checked == "new":
        raise BadInput("A data set cannot be called new; its page could not be opened.", fields={"name": "taken"})
    if DataSet.objects.filter(name_key=names.key(checked)).exists():
        raise Conflict(f"There is a data set called like {checked} already.", fields={"name": "taken"})
    row = DataSet.objects.create(
        name=checked, name_key=names.key(checked), team=where, **{"owner_id": actor.person_id} | described
    )
    recorder.record(
        "data_set.created", actor=actor, subject=subject(row), after={"team": where.slug} | recorded(row, described)
    )
    return row


def _team(actor: Actor, slug: str) -> Team:
    seen = access.visible_teams(actor)
    row = Team.objects.filter(slug=slug).first()
    if row is None or (seen is not None and row.pk not in seen):
        raise BadInput(f"There is no team {slug}, or you may not see it.", fields={"team": "unknown"})
    return row


@transaction.atomic
def edit(*, actor: Actor, name: str, **described: Any) -> DataSet:
    """Change description, licence, retention in days or owner of a data set."""
    row = lock(DataSet.objects.filter(pk=find(actor=actor, name=name).pk))
    access.require(actor, Permission.DATA_REGISTER, row.team_id)
    _describable(described)
    before = recorded(row, {column: getattr(row, column) for column in described})
    for column, value in described.items():
        setattr(row, column, value)
    row.save(update_fields=list(described))
    recorder.record(
        "data_set.changed", actor=actor, subject=subject(row), before=before, after=recorded(row, described)
    )
    return row


def _describable(given: dict[str, Any]) -> None:
    days = given.get("retention_days")
    if days is not None and not 1 <= days <= LONGEST_RETENTION_DAYS:
        raise BadInput(
            "Data is kept for 1 to 36,500 days, or without an end.", fields={"retention_days": "out of range"}
        )
    owner = given.get("owner_id")
    if owner is not None and not Person.objects.filter(pk=owner, is_active=True).exists():
        raise BadInput("The owner must be an active person.", fields={"owner": "unknown"})


@transaction.atomic
def set_checks(*, actor: Actor, name: str, checks: Any, why: str) -> DataSetChecks:
    """A new list of checks, for versions from now on; those that are ready are checked against it by a job."""
    row = lock(DataSet.objects.filter(pk=find(actor=actor, name=name).pk))
    access.require(actor, Permission.DATA_REGISTER, row.team_id)
    try:
        kept = [check.as_json() for check in parsed(checks)]
    except BadCheck as error:
        raise BadInput(f"{error}.", fields={error.place: error.sentence}) from error
    newest = row.check_lists.first()
    if newest is not None and newest.checks == kept:
        return newest
    made = DataSetChecks.objects.create(
        data_set=row,
        number=(newest.number if newest else 0) + 1,
        checks=kept,
        why=why[:500],
        set_by=actor.id,
        set_by_label=actor.label[:200],
    )
    recorder.record(
        "data_set.checks_set",
        actor=actor,
        subject=subject(row),
        data={"number": made.number},
        before={"checks": newest.checks if newest else []},
        after={"checks": kept},
    )
    for version in row.versions.filter(status="ready"):
        _measure(version)
    return made


@transaction.atomic
def register_version(*, actor: Actor, name: str, source: dict[str, Any], note: str = "") -> DataSetVersion:
    """A new version of what `source` names; a job copies, hashes, measures and checks it.

    `source` has a `kind` of upload, folder, s3 or run, and what that kind needs to be fetched; see
    `services.sources`.
    """
    row = lock(DataSet.objects.filter(pk=find(actor=actor, name=name).pk))
    access.require(actor, Permission.DATA_REGISTER, row.team_id)
    newest = row.versions.aggregate(newest=Max("number"))["newest"] or 0
    made = DataSetVersion.objects.create(
        data_set=row,
        number=newest + 1,
        source=source,
        note=note[:500],
        registered_by=actor.id,
        registered_by_label=actor.label[:200],
    )
    recorder.record(
        "data_set_version.registered",
        actor=actor,
        subject=version_subject(made),
        data={"source": source},
        after={"status": made.status},
    )
    _measure(made)
    return made


@transaction.atomic
def archive(*, actor: Actor, name: str, number: int, why: str) -> DataSetVersion:
    """Take a version out of use; its files, its answers and what rests on it stay."""
    row = lock(DataSetVersion.objects.filter(pk=find_version(actor=actor, name=name, number=number).pk))
    access.require(actor, Permission.DATA_REGISTER, row.data_set.team_id)
    if not why.strip():
        raise BadInput("Say why nobody should use it any more.", fields={"why": "missing"})
    return move(row, "archive", actor=actor, reason=why.strip()[:500])


def _measure(row: DataSetVersion) -> None:
    jobs.enqueue(INGEST, key=f"{INGEST}:{row.pk}:{ids.new_id()}", args={"version": row.pk}, max_attempts=8)


@transaction.atomic
def begin_validation(row: DataSetVersion) -> DataSetVersion:
    """Take the version into validation; one that is being validated already stays so (the job was interrupted)."""
    fresh = lock(DataSetVersion.objects.filter(pk=row.pk))
    if fresh.status in ("registered", "failed"):
        move(fresh, "validate", actor=system("validation of new data"))
    return fresh


def pass_validation(context: jobs.JobContext, row: DataSetVersion, *, found: dict[str, Any]) -> DataSetVersion:
    """The files are kept under their digest, and measured. The same bytes twice are one version: the second fails."""
    try:
        with transaction.atomic():
            context.guard()
            fresh = lock(DataSetVersion.objects.filter(pk=row.pk))
            if fresh.status != "validating":
                return fresh
            data = {"digest": found["digest"], "rows": found["rows"], "files": len(found["files"])}
            kept = move(fresh, "pass", actor=system("validation of new data"), data=data, status_note="", **found)
            lineage.link_version(kept)
            return kept
    except IntegrityError:
        twin = DataSetVersion.objects.get(data_set_id=row.data_set_id, digest=found["digest"])
        return break_validation(row, why=f"These are the bytes of version {twin.number}, which stands already.")


@transaction.atomic
def break_validation(row: DataSetVersion, *, why: str) -> DataSetVersion:
    fresh = lock(DataSetVersion.objects.filter(pk=row.pk))
    if fresh.status in ("registered", "validating"):
        actor = system("validation of new data")
        if fresh.status == "registered":
            move(fresh, "validate", actor=actor)
        move(fresh, "break", actor=actor, data={"why": why[:500]}, status_note=why[:500])
    return fresh


@transaction.atomic
def note_checked(
    context: jobs.JobContext, row: DataSetVersion, checks: DataSetChecks, results: list[Any]
) -> DataCheckRun:
    """Keep the answers to a list of checks; the same list on the same version again changes nothing."""
    context.guard()
    known = DataCheckRun.objects.filter(version=row, checks=checks).first()
    if known is not None:
        return known
    run = DataCheckRun.objects.create(version=row, checks=checks, verdict=data_checks.verdict(results), results=results)
    recorder.record(
        "data_set_version.checked",
        actor=system("validation of new data"),
        subject=version_subject(row),
        data={"checks": checks.number, "verdict": run.verdict},
    )
    return run
