"""What the portal asks of the serving plane, whatever serves: a protocol of few calls, each safe to repeat."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from portal.core.errors import Unavailable
from serving.contract import Measures, RevisionSpec, RouteSpec, Served, ShadowReport, ShadowSpec
from serving.recorded import Page


class ServingUnavailable(Unavailable):
    """The runtime does not answer. What serves goes on serving; only changes have to wait."""

    code = "serving_unavailable"


class ServingRefused(Exception):
    """The runtime understood and said no; `status` is 409 for a conflict with what it holds."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


@dataclass(frozen=True, slots=True)
class RevisionState:
    """What the runtime says of a revision: state is absent, loading, ready or failed.

    `crashes` is how often its process has ended in a row, without a minute of quiet, and `ended` how it did last.
    `drift` says what somebody else has changed of it, "" for nothing; `stale` that the settings it was loaded under
    have changed since. Asking for it once more mends both. `processes` is how many of it can answer now, None where
    nobody says.
    """

    state: str
    digest: str = ""
    reason: str = ""
    drift: str = ""
    stale: bool = False
    crashes: int = 0
    ended: str = ""
    processes: int | None = None


@dataclass(frozen=True, slots=True)
class RouteState:
    """The table in force; `drift` and `stale` as of a revision, and setting the table once more mends both."""

    generation: int = 0
    stable: str = ""
    canary: str | None = None
    cut: int = 0
    drift: str = ""
    stale: bool = False


class Unable(ServingRefused):
    """What this runtime cannot do at all, with the reason as a sentence for people."""

    def __init__(self, why: str) -> None:
        super().__init__(501, why)


SHADOWS, PREDICTIONS = "shadows", "predictions"


class ServingRuntime(Protocol):
    """Every call may be repeated. All raise `ServingUnavailable` when the runtime does not answer."""

    @property
    def unable(self) -> Mapping[str, str]:
        """What it cannot do, of `SHADOWS` and `PREDICTIONS`, each with why: such calls raise `Unable` with that."""

    def ensure_revision(self, spec: RevisionSpec) -> None:
        """Begin to load it. Raises `ServingRefused` 409 when the id stands for something else."""

    def revision(self, revision_id: str) -> RevisionState:
        """How far it is; absent when it was never asked for."""

    def revisions(self) -> dict[str, RevisionState]:
        """All it holds, by id."""

    def remove_revision(self, revision_id: str) -> None:
        """End it. Raises `ServingRefused` 409 while a route table names it."""

    def set_routes(self, routes: RouteSpec) -> None:
        """Put a table in force. Raises `ServingRefused` 409 for an old generation or a revision that is not ready."""

    def routes(self, environment: str, endpoint: str) -> RouteState:
        """What is in force; generation 0 for none."""

    def remove_routes(self, environment: str, endpoint: str, generation: int) -> None:
        """Take the endpoint out of service. Raises `ServingRefused` 409 where a newer table than that stands."""

    def measures(self, environment: str, endpoint: str) -> tuple[Measures, ...]:
        """What each revision of the endpoint that has run has counted, in a row for each of its processes.

        Keep the last read per revision and epoch, and add them up. Raises `ServingUnavailable`, with the reason, where
        one that may have answered somebody cannot be read: that is not fewer requests, but none that can be judged.
        """

    def keys(self, environment: str, endpoint: str) -> frozenset[str]:
        """The hashes (lower-case hex of SHA-256) of the endpoint's keys that it knows."""

    def set_keys(self, environment: str, endpoint: str, hashes: frozenset[str]) -> None:
        """These are all keys of the endpoint from now on."""

    def status(self) -> dict[str, Any]:
        """What the parts of the runtime say of themselves."""

    def ask(self, revision_id: str, body: Any, key: str) -> Served:
        """Ask one revision itself, whoever the traffic goes to; no caller's question. `body` is as `/invocations` takes
        it, or None to ask who it is and no prediction; `key` is one of the endpoint's, for where it asks for one.
        Raises `ServingRefused` 409 for what is not ready, 422 with the field for what is no question."""

    def probe(self, environment: str, endpoint: str, body: Any, key: str) -> Served:
        """Ask who serves the endpoint, as a caller with this key would, by the table in force. As `ask` else.

        On one host the measures leave out both; a cluster cannot tell them from callers' questions."""

    def predictions(self, environment: str, endpoint: str, after: str, limit: int) -> Page:
        """Those answered since the cursor `after`, at most `limit`; with "" none, and the cursor to begin from."""

    def set_shadow(self, shadow: ShadowSpec) -> None:
        """Have a revision asked again what callers ask. The same again goes on; another one replaces it and begins
        anew. Raises `ServingRefused` 409 for a revision that is not ready or takes traffic."""

    def shadow(self, environment: str, endpoint: str) -> ShadowReport | None:
        """What the endpoint's shadow has shown; None without one."""

    def remove_shadow(self, environment: str, endpoint: str) -> None:
        """End it, and forget what it has shown."""


class Naming(ServingRuntime, Protocol):
    """A runtime whose gateway can keep from callers which version answered; not all can."""

    def unnamed(self) -> frozenset[str]:
        """The endpoints, as `environment/endpoint`, whose answers do not name their version."""

    def set_naming(self, environment: str, endpoint: str, *, names_versions: bool) -> None:
        """Whether answers name version, revision and arm to callers from now on."""
