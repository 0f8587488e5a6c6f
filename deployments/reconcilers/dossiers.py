"""Writes the dossier that was asked for."""

from django.db import connection, transaction

from deployments.dossiers.archive import TooLarge
from deployments.models import PromotionRequest
from deployments.selectors import dossiers as select
from deployments.services import dossiers
from portal.core import jobfiles
from portal.core.jobs import JobContext, Permanent, kind

PARTS = 2
RELATED = (
    *("endpoint__environment", "endpoint__team", "version__model__team", "version__model__owner"),
    *("version__run__experiment", "requester", "uploader"),
)


@kind(dossiers.KIND)
def write(context: JobContext) -> None:
    """Read everything at one moment, write the file whole, then record its hash."""
    context.progress(0, PARTS)
    content = _read(context.args["promotion"], context.args["since"])
    context.progress(1, PARTS)
    with jobfiles.writing(dossiers.path_of(context.job)) as file:
        file.write(content)
    dossiers.note_written(context, content)
    context.progress(PARTS, PARTS)


@transaction.atomic
def _read(number: int, since: int) -> bytes:
    """Rows and log as of one moment: an act in between would make them disagree."""
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    row = PromotionRequest.objects.select_related(*RELATED).get(pk=number)
    try:
        return select.packed(row, since)
    except TooLarge as error:
        raise Permanent(str(error)) from error
