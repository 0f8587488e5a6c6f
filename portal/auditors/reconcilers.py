"""The auditor's jobs: verify the whole tree, write an export."""

from pathlib import Path

from django.conf import settings
from django.db import connection, transaction

from portal.audit import bundle, verification
from portal.audit.selection import Selection
from portal.auditors.services import exports, verifications
from portal.core import jobfiles
from portal.core.jobs import JobContext, kind


@kind(verifications.KIND)
def verify(context: JobContext) -> None:
    """Compute the tree anew, compare it with every checkpoint, in the database and outside, and keep the result.

    No transaction stays open meanwhile: one that writes its progress would hold the sequencer back.
    """
    found = verification.verify(
        connection, checkpoint_folder=Path(settings.SIGNALBOX_CHECKPOINT_DIR), progress=_Reporter(context)
    )
    with transaction.atomic():
        context.guard()
        verifications.note(
            size=found.size,
            ok=found.ok,
            first_bad_index=found.first_bad_index,
            reason=found.reason,
            asked_by=context.args["asked_by"],
        )


@kind(exports.KIND)
def export(context: JobContext) -> None:
    """Write the bundle beside its place and move it there when it is whole. Without a transaction, as above."""
    with jobfiles.writing(exports.path_of(context.job)) as file:
        bundle.write_bundle(
            file,
            connection=connection,
            selection=Selection.of(context.args["filter"]),
            vault=context.args["vault"],
            progress=_Reporter(context),
        )


class _Reporter:
    """Reports progress at most once for each per cent, so that reporting does not cost more than the work."""

    def __init__(self, context: JobContext) -> None:
        self._context, self._last = context, -1

    def __call__(self, done: int, total: int) -> None:
        percent = done * 100 // max(total, 1)
        if percent != self._last:
            self._last = percent
            self._context.progress(done, total)
