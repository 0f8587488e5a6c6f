"""Registers the auditor's jobs and the schedule of verification."""

from portal.auditors.services import verifications
from portal.core import work

work.periodic("audit.verify", verifications.EVERY_SECONDS, verifications.ask_by_schedule)
