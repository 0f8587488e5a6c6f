"""Which faults there are, what is promised under each, and in which order a seed deals them."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

PROCESSES = ("web", "worker", "beat", "agent", "grpc", "zygote", "router", "valkey", "postgres", "mlflow", "sequencer",
             "signer")  # fmt: skip
REVISION = "revision"
KILLED, FROZEN, RESTARTED, SLOW, EMPTIED, CUT, TAKEN, READ_ONLY, FULL, STALLED = (
    "kill -9", "freeze", "restart", "slow clients", "empty", "cut sessions", "take connections", "read-only", "fill",
    "stall",
)  # fmt: skip


@dataclass(frozen=True)
class Promise:
    """Whose requests may go wrong at first, so that they have to be asked again, and for how long.

    `again` names the kinds; every other request is answered at the first asking. `says_so`: even those are answered,
    with 503 and `Retry-After`. `within` is in seconds from the beginning of the fault.
    """

    again: frozenset[str] = frozenset()
    says_so: bool = False
    within: float = 0.0


@dataclass(frozen=True)
class Fault:
    """What happens to which process, under which promise.

    `kill -9`, `freeze` (stopped for some seconds, with its children), `restart` (to come back), `slow clients` (two
    hundred of them, a byte a second), `empty` (Valkey forgets everything), `fill` (it has no memory left), `stall` (it
    answers nothing for five seconds), `cut sessions` (PostgreSQL ends them all), `take connections` (it has none left),
    `read-only` (it takes no changes).
    """

    name: str
    how: str
    promise: Promise = Promise()

    def __str__(self) -> str:
        return f"{self.how} {self.name}"


PORTAL = frozenset({"page", "call"})
AWAY = Promise(PORTAL, within=40)
DATABASE_AWAY = Promise(PORTAL, says_so=True, within=15)
PREDICTIONS_AWAY = Promise(frozenset({"prediction"}), within=30)

PROMISES = {
    ("web", KILLED): AWAY,
    ("web", RESTARTED): AWAY,
    ("postgres", KILLED): DATABASE_AWAY,
    ("postgres", RESTARTED): DATABASE_AWAY,
    ("postgres", CUT): DATABASE_AWAY,
    ("postgres", TAKEN): DATABASE_AWAY,
    ("router", KILLED): PREDICTIONS_AWAY,
    ("router", RESTARTED): PREDICTIONS_AWAY,
}
"""Under any other fault nobody has to ask twice; answers may be late."""

KINDS = [
    *((name, how) for name in PROCESSES for how in (KILLED, FROZEN, RESTARTED)),
    *((REVISION, how) for how in (KILLED, FROZEN)),
    *(("web", SLOW), ("router", SLOW)),
    *(("valkey", how) for how in (EMPTIED, FULL, STALLED)),
    *(("postgres", how) for how in (CUT, TAKEN, READ_ONLY)),
]
FAULTS = [Fault(name, how, PROMISES.get((name, how), Promise())) for name, how in KINDS]


def deal(seed: int) -> Iterator[Fault]:
    """Every fault once in a random order, then again in another; each process has had one before any has its second."""
    chance = random.Random(seed)
    while True:
        hands = _hands(chance)
        while names := [name for name, hand in hands.items() if hand]:
            chance.shuffle(names)
            yield from (hands[name].pop() for name in names)


def _hands(chance: random.Random) -> dict[str, list[Fault]]:
    hands: dict[str, list[Fault]] = {}
    for fault in chance.sample(FAULTS, len(FAULTS)):
        hands.setdefault(fault.name, []).append(fault)
    return hands
