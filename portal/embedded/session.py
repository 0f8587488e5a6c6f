"""One `make run`: check, prepare, start, tell the address, keep watch, stop."""

import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from portal.births import birth_of
from portal.embedded import environment, ledger, plan, ports, preparation, world
from portal.embedded.children import started_at
from portal.embedded.configuration import Configuration
from portal.embedded.configuration import read as read_configuration
from portal.embedded.environment import Stores
from portal.embedded.errors import StartError
from portal.embedded.layout import Layout, demand_plain_names, resolve
from portal.embedded.layout import prepare as prepare_layout
from portal.embedded.processes import Plan
from portal.embedded.progress import Progress
from portal.embedded.supervisor import Supervisor

PROJECT = Path(__file__).resolve().parents[2]


@dataclass
class Session:
    """Holds what the parts of one start share."""

    layout: Layout
    configuration: Configuration
    progress: Progress = field(default_factory=lambda: Progress(0))

    def run(self, environ: Mapping[str, str]) -> None:
        """Blocks until a signal stops it."""
        previous = ledger.read(self.layout.state)
        self._refuse_second(previous)
        preparation.demand_space(self.layout.var)
        demand_plain_names(self.layout)
        prepare_layout(self.layout)
        self._demand_ports(previous)
        shutil.rmtree(self.layout.holds, ignore_errors=True)  # a hold lasts as long as the run it was made in
        supervisor = self._supervisor(environ)
        supervisor.adopt_or_end_leftovers(previous)
        supervisor.publish()
        supervisor.run()
        self.progress.say(f"everything is stopped, as asked by {supervisor.stop_signal}")

    def _refuse_second(self, previous: ledger.Record | None) -> None:
        if previous and previous.supervisor_alive() and previous.supervisor_pid != os.getpid():
            raise StartError(
                f"Signalbox is already running from {self.layout.project}: {previous.url}. "
                "See make status, or run make stop first."
            )

    def _demand_ports(self, previous: ledger.Record | None) -> None:
        """Ports may be held by our own leftovers, which are adopted or ended a moment later."""
        own = {entry.name for entry in ledger.leftovers(previous)}
        if "web" not in own:
            ports.demand_free(self.configuration.port, "the portal", "PORT")
        if "router" not in own:
            ports.demand_free(self.configuration.gateway_port, "the gateway", "GATEWAY_PORT")

    def _supervisor(self, environ: Mapping[str, str]) -> Supervisor:
        parts = self._parts(environ)
        whole = plan.build(parts)
        self.progress.total = len(whole.names())
        return Supervisor(
            plan=whole,
            logs=self.layout.logs,
            project=self.layout.project,
            progress=self.progress,
            record=self._record,
            opened=lambda: self.progress.block(self._summary(whole)),
            completed=lambda: self.progress.say("everything is ready"),
            holds=self.layout.holds,
        )

    def _parts(self, environ: Mapping[str, str]) -> plan.Parts:
        signer = preparation.signer_account(self.layout)
        preparation.make_secrets(self.layout)
        found = environment.stores(self.layout, self.configuration, environ)
        if found.cluster and not found.cluster.home.exists():
            self.progress.note("making the database")
        preparation.make_folders(self.layout, self.configuration, found, signer)
        if preparation.database(found):
            preparation.forget_prepared(self.layout)
            self.progress.say("the database folder is made")
        return self._assemble(environ, found, signer is not None)

    def _assemble(self, environ: Mapping[str, str], found: Stores, signer_apart: bool) -> plan.Parts:
        current = preparation.fingerprint(self.layout, found)
        environments = environment.build(self.layout, self.configuration, found, environ, signer_apart)
        prepared = preparation.is_prepared(self.layout, current)
        return plan.Parts(
            layout=self.layout,
            configuration=self.configuration,
            stores=found,
            environments=environments,
            signer=preparation.signer_account(self.layout),
            prepared=prepared,
            remember_prepared=lambda: preparation.remember_prepared(self.layout, current),
            world=world.steps(self.layout, self.configuration, environments, prepared),
        )

    def manage_environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """What a `manage.py` command needs to work on this checkout's stores, every role's address included."""
        if not self.layout.keys.exists():
            raise StartError("There is no data here yet. Run make run first.")
        found = environment.stores(self.layout, self.configuration, environ)
        apart = preparation.signer_account(self.layout) is not None
        environments = environment.build(self.layout, self.configuration, found, environ, apart)
        return {**environments.portal, **found.databases}

    def _record(self, entries: tuple[ledger.Entry, ...]) -> None:
        record = ledger.Record(
            supervisor_pid=os.getpid(),
            supervisor_started=started_at(os.getpid()),
            supervisor_born=birth_of(os.getpid()),
            var=str(self.layout.var),
            url=self.configuration.url,
            gateway_url=self.configuration.gateway_url,
            entries=entries,
            updated=time.time(),
        )
        ledger.write(self.layout.state, record)

    def _summary(self, whole: Plan) -> list[str]:
        lines = [
            "",
            f"  Signalbox         {self.configuration.url}",
            f"  Gateway           {self.configuration.gateway_url}",
        ]
        if world.FIRST_LINK in whole.open_after:
            lines += world.first_link(self.layout.logs / f"{world.FIRST_LINK}.log")
        else:
            lines += world.sign_ins(self.layout)
        lines += [f"  Data              {self.layout.var}"]
        lines += [f"                    {folder}" for folder in self.layout.elsewhere]
        return [*lines, "  Stop              Ctrl-C here, or make stop", ""]


def open_session(environ: Mapping[str, str]) -> Session:
    """The session of this checkout under this environment."""
    return Session(resolve(PROJECT, environ), read_configuration(environ))
