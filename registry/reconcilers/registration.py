"""Registers the reconcilers and jobs of this app."""

from importlib import import_module

from portal.core import work
from registry.reconcilers import hooks, mirror, orphans, rescan, sync

import_module("registry.reconcilers.ingest")
import_module("registry.reconcilers.data_ingest")
work.register("registry.run", "registry.Run", mirror.run, words="Copies of runs", lease_seconds=120)
work.register("registry.alias", "registry.AliasState", mirror.alias, words="Aliases")
work.periodic("registry.housekeeping", 60, mirror.housekeeping)
work.periodic("registry.rescan", 3600, rescan.due)
work.periodic("registry.orphans", 20, orphans.settle_all)
work.periodic("registry.sync", 60, sync.compare)
work.periodic("registry.hooks", 300, hooks.ensure)
work.register("registry.hook", "registry.HookDelivery", hooks.look, words="Messages of MLflow")
