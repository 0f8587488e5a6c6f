"""Registers the auditor's jobs and the schedule of verification."""

from importlib import import_module

from portal.auditors.services import verifications
from portal.core import work

import_module("portal.auditors.reconcilers")
work.periodic("audit.verify", verifications.EVERY_SECONDS, verifications.ask_by_schedule)
