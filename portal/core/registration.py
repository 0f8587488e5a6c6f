"""Registers the periodic work of the ground."""

from portal.core import clearing, work

work.periodic("core.clearing", clearing.EVERY_SECONDS, clearing.clear)
