"""Registers the auditor's jobs, the schedule of verification, and what the frame of pages shows of the log."""

from importlib import import_module

from portal.auditors.services import exports, verifications
from portal.core import clearing, work

import_module("portal.auditors.reconcilers")
import_module("portal.auditors.navigation")
work.periodic("audit.verify", verifications.EVERY_SECONDS, verifications.ask_by_schedule)
clearing.register(exports.KIND, exports.path_of, exports.note_removed)
