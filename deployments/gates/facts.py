"""What gates judge by, as frozen data; `selectors.gate_facts` reads it from the rows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from registry.cards.compose import Card
from registry.evaluations.results import Results


@dataclass(frozen=True, slots=True)
class Evaluated:
    """The evaluation a gate rests on. `results` is None until it is done, and `status` says how far it is.

    `baseline` is the number of the version it was compared with; `data` names the data set version; `settings` are what
    it was asked for, by somebody who wants it to pass.
    """

    number: int
    status: str
    digest: str
    data: str
    baseline: int | None
    results: Results | None
    note: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DataChecked:
    """A data set version something rests on, and the verdict of its newest checks ("" when it was never checked)."""

    name: str
    verdict: str
    role: str


@dataclass(frozen=True, slots=True)
class ArtifactFacts:
    """The newest scan of the version's files. `rules` is 0 before the first; `kinds` are what a policy may admit.

    `worst` is the gravest finding in a sentence; `broken` says why the signed statement does not hold.
    """

    outcome: str
    rules: int
    newest_rules: int
    files: int
    waits: bool
    kinds: tuple[str, ...] = ()
    worst: str = ""
    broken: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A completed rollback, or a drill: when it ended, how long it took, and its endpoint's page.

    A rollback is measured from the order to the end. `wrong` is what was not as it should be in a drill, "" when it
    passed.
    """

    at: datetime
    seconds: float
    link: str
    wrong: str = ""


@dataclass(frozen=True, slots=True)
class Incident:
    """A severe incident that is open; `link` is its page."""

    title: str
    link: str = ""


@dataclass(frozen=True, slots=True)
class GateFacts:
    """`evaluations` by the data set a limit names, "" for any; a name without an evaluation is missing.

    `champion` is the number of the version that serves, None before the first; `served_before` says that another
    served before it. `rehearsal` is the newest rollback from or to the champion, `drill` the newest drill of one.
    `incidents` is None when nobody could say. `endpoint` is the address of the endpoint's page.
    """

    version: int
    model: str
    champion: int | None
    evaluations: Mapping[str, Evaluated] = field(default_factory=dict)
    data: tuple[DataChecked, ...] = ()
    artifact: ArtifactFacts | None = None
    card: Card | None = None
    signature: Mapping[str, Any] = field(default_factory=dict)
    champion_signature: Mapping[str, Any] | None = None
    endpoint: str = ""
    served_before: bool = False
    rehearsal: Rehearsal | None = None
    drill: Rehearsal | None = None
    incidents: tuple[Incident, ...] | None = None
    now: datetime | None = None
