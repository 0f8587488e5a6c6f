"""State machines as data: tables of states and events, from which come buttons, badges, constraints, docs and tests."""

from dataclasses import dataclass
from typing import Literal

from portal.core.errors import Refused

Tone = Literal["ok", "warn", "bad", "info", "mute"]


@dataclass(frozen=True, slots=True)
class State:
    """`words` is what people read; `tone` colours the badge, here and nowhere else."""

    name: str
    words: str
    tone: Tone = "mute"
    icon: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """An arrow: from any of `sources` to `target`, recorded as `verb`."""

    name: str
    sources: tuple[str, ...]
    target: str
    verb: str


@dataclass(frozen=True)
class Machine:
    """The life of one table's rows. `initial` is the state a row is born in."""

    name: str
    model_label: str
    subject_type: str
    initial: str
    states: tuple[State, ...]
    events: tuple[Event, ...]
    field: str = "status"

    def __post_init__(self) -> None:
        names = {state.name for state in self.states}
        for event in self.events:
            unknown = ({*event.sources, event.target}) - names
            if unknown:
                raise ValueError(f"{self.name}.{event.name} speaks of unknown states: {sorted(unknown)}")
        if self.initial not in names:
            raise ValueError(f"{self.name} begins in an unknown state: {self.initial}")

    def state(self, name: str) -> State:
        for state in self.states:
            if state.name == name:
                return state
        raise KeyError(f"{self.name} has no state {name!r}")

    def event(self, name: str) -> Event:
        for event in self.events:
            if event.name == name:
                return event
        raise KeyError(f"{self.name} has no event {name!r}")

    def next(self, status: str, event: str) -> str:
        """The state after `event` in `status`; raises `Refused` when the table has no such arrow."""
        arrow = self.event(event)
        if status not in arrow.sources:
            raise Refused(
                f"This is {self.state(status).words.lower()}, so it cannot {event.replace('_', ' ')}. "
                "Load the page again to see what is possible now.",
                code="not_in_this_state",
            )
        return arrow.target

    def allowed(self, status: str) -> list[str]:
        """The events the table allows in `status`."""
        return [event.name for event in self.events if status in event.sources]

    @property
    def terminal(self) -> frozenset[str]:
        """The states no arrow leaves."""
        leaving = {source for event in self.events for source in event.sources}
        return frozenset(state.name for state in self.states if state.name not in leaving)

    @property
    def choices(self) -> list[tuple[str, str]]:
        return [(state.name, state.words) for state in self.states]

    @property
    def names(self) -> list[str]:
        return [state.name for state in self.states]
