"""Which runs read which data: a logged input that carries the name and the number or digest of one of our versions."""

from collections.abc import Iterable

from django.db import transaction

from registry.datasets import run_inputs
from registry.models import DataSetVersion, DataUse, Run

KNOWN = ("ready", "archived")


@transaction.atomic
def link_run(row: Run) -> None:
    """Keep what the run's inputs name of the versions that stand now; called with each new copy of the run."""
    wanted = [DataUse(version=version, run=row, context=context) for version, context in _named(row)]
    row.data_uses.exclude(version__in=[use.version for use in wanted]).delete()
    DataUse.objects.bulk_create(wanted, ignore_conflicts=True)


def link_version(row: DataSetVersion) -> None:
    """Link runs that named a version before it was ready."""
    for run in Run.objects.filter(datasets__contains=[{"name": row.data_set.name}]).iterator(chunk_size=200):
        link_run(run)


def _named(row: Run) -> Iterable[tuple[DataSetVersion, str]]:
    for item in row.datasets:
        versions = DataSetVersion.objects.filter(data_set__name=item.get("name", ""), status__in=KNOWN)
        digest = str(item.get("digest", ""))
        number, start = run_inputs.names_number(digest), run_inputs.names_digest(digest)
        if number is not None:
            found = versions.filter(number=number)
        elif start:
            found = versions.filter(digest__startswith=start)
        else:
            continue
        yield from ((version, str(item.get("context", ""))[:120]) for version in found[:1])
