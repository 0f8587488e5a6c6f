"""Messages are hints: whatever becomes of them, a rollout's life leaves the same.

"Look now" is delivered once each in their order, or twice, or never, in reverse, late, by two workers at once, or in
any mixture of these; in between a sweep comes by, as it does every two seconds.
"""

from collections.abc import Callable, Sequence
from itertools import cycle

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from deployments.engine.planner import Command, Snapshot, decide
from deployments.reconcilers import rollouts as reconciler
from portal.core import work
from tests.deployments import lives
from tests.deployments.conftest import Line
from tests.deployments.rolling import Rolling

pytestmark = pytest.mark.django_db
Message = tuple[str, int]
Deliver = Callable[[Sequence[Message], Sequence[Message]], Sequence[Message]]


class Bell:
    """Keeps what was rung, and delivers after each act what `deliver` makes of the new messages and of all so far."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.rung: list[Message] = []
        self.undisturbed: list[lives.Left] = []
        self.twice_at_once = False
        self.meanwhile: list[str] = []
        monkeypatch.setattr(work, "ring", self._ring)
        monkeypatch.setattr(reconciler, "decide", self._decide)

    def _ring(self, name: str, pk: int) -> None:
        if name in lives.KINDS:
            self.rung.append((name, pk))

    def left_by(self, line: Line, deliver: Deliver) -> list[lives.Left]:
        """What the lives leave when messages come like this."""
        rolling, found = Rolling(line), []
        for life in (lives.whole, lives.aborted):
            with lives.undone(line):
                self.rung.clear()
                self._live(life, rolling, deliver)
                found.append(lives.left(line))
        return found

    def _live(self, life: lives.Life, rolling: Rolling, deliver: Deliver) -> None:
        heard = 0
        for _ in life(rolling):
            while heard < len(self.rung):
                new, heard = self.rung[heard:], len(self.rung)
                for name, pk in deliver(new, list(self.rung)):
                    work.do(name, pk)
            lives.come_by()

    def _decide(self, seen: Snapshot) -> Command:
        """While one worker looks at a rollout, another one hears every message that there ever was: it may look at
        anything else."""
        if self.twice_at_once:
            self.twice_at_once = False
            looked = [name for name, pk in dict.fromkeys(self.rung) if work.do(name, pk)]
            self.meanwhile += looked
            self.twice_at_once = True
        return decide(seen)


@pytest.fixture
def bell(monkeypatch: pytest.MonkeyPatch, line: Line) -> Bell:
    """A rollout is approved, and nobody has come by yet."""
    rolling = Rolling(line, lives.JUDGED).prepare()
    lives.come_by()
    found = Bell(monkeypatch)
    lives.approved(rolling)
    return found


MODES: dict[str, Deliver] = {
    "in order": lambda new, _: new,
    "twice": lambda new, _: [*new, *new],
    "never": lambda new, _: (),
    "in reverse": lambda new, _: new[::-1],
    "to two at once": lambda _, rung: rung,
}


@settings(
    max_examples=2,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@example("twice")
@example("never")
@example("in reverse")
@example("to two at once")
@given(messages=st.lists(st.lists(st.integers(0, 50), max_size=6), min_size=3, max_size=12))
def test_whatever_becomes_of_the_messages_a_life_leaves_the_same(
    line: Line, bell: Bell, messages: str | list[list[int]]
) -> None:
    """A list is a mixture: which of all messages so far are delivered after each act. Every life is undone."""
    wanted = bell.undisturbed = bell.undisturbed or the_undisturbed(line, bell)
    if isinstance(messages, str):
        bell.twice_at_once = messages == "to two at once"
        found = bell.left_by(line, MODES[messages])
        assert set(bell.meanwhile) == (
            {"deployments.endpoint", "deployments.promotion"} if bell.twice_at_once else set()
        )
        bell.twice_at_once = False
    else:
        turns = cycle(messages)
        found = bell.left_by(line, lambda _, rung: [rung[one % len(rung)] for one in next(turns)])
    assert [lives.differences(one, other) for one, other in zip(found, wanted, strict=True)] == [{}, {}]


def the_undisturbed(line: Line, bell: Bell) -> list[lives.Left]:
    """Each message once and in order; looked at closely, since all others are held against it."""
    whole, aborted = found = bell.left_by(line, MODES["in order"])
    assert [one[1] for one in whole["rollouts"]] == ["completed", "aborted", "completed", "completed"]
    assert whole["requests"] == [(1, "promoted"), (2, "superseded"), (3, "rolled_back")]
    assert [one[1] for one in aborted["rollouts"]] == ["completed", "aborted"]
    for left in found:
        assert [one[:1] for one in left["in force"]] == [(number,) for number in range(1, len(left["tables"]) + 1)]
        assert left["loaded"] == ["r1 v1"]
    assert {name for name, _ in bell.rung} == {"deployments.rollout", "deployments.endpoint"}
    return found
