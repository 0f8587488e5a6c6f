"""What a plan is made of: services that run on, and steps that end."""

import hashlib
import json
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from portal.embedded.identity import Account
from portal.embedded.probes import Probe


@dataclass(frozen=True)
class Service:
    """A process that is kept running.

    `needs` names what must be ready before the first start. `survives` marks the data plane and the stores: a new
    supervisor adopts them when their command and environment are unchanged. `required` services end the start when they
    cannot come up; the others are retried for ever. `restart_signal` asks it to end and come back, where that is not
    the `stop_signal`; `end_leftovers` is the command that ends what it leaves behind, for where it is not there to be
    asked, or does not end well.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    probe: Probe
    needs: tuple[str, ...] = ()
    account: Account | None = None
    folder: Path | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    restart_signal: signal.Signals | None = None
    end_leftovers: tuple[str, ...] = ()
    grace: float = 10.0
    patience: float = 60.0
    survives: bool = False
    required: bool = False

    @property
    def digest(self) -> str:
        """Changes when the command, the environment or the account do."""
        account = self.account.uid if self.account else None
        text = json.dumps([self.command, sorted(self.environment.items()), account])
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Step:
    """Work that ends: a command, or a function of ours that takes well under a second. A failed one ends the start."""

    name: str
    needs: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    action: Callable[[], None] | None = None
    done: Callable[[], None] | None = None
    echo: str = ""  # a pattern: lines of its output that begin so are passed on to the person
    patience: float = 600.0


@dataclass(frozen=True)
class Plan:
    """Everything to start, and the names after whose readiness people are told the address."""

    services: tuple[Service, ...]
    steps: tuple[Step, ...]
    open_after: tuple[str, ...]

    def names(self) -> tuple[str, ...]:
        return (*(service.name for service in self.services), *(step.name for step in self.steps))
