"""Single faults under mixed load, while versions are promoted in turn, every other by way of a fifth of the traffic: a
minute in CI, ten with `make drill`.

At least 99.9 % of pages, calls and predictions succeed, asked again as `mixed` says; each fault costs nobody more than
`deck` promises; and afterwards everything holds that must hold after any fault (see `invariants`). The order is the
seed's, another one in each run: a minute has about twelve of them, each of another process; ten minutes have all.
"""

import contextlib
import itertools
import json
import os
import threading
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

import pytest

from demo import people
from demo.client import Session
from serving import places
from serving.router.entry import Entry
from serving.router.runtime import RouterUnavailable, Runtime
from tests.faults import deck, drill, mixed, reckoning
from tests.faults.ground import Ground
from tests.waiting import wait_until

LONG = os.environ.get("SIGNALBOX_LONG") == "1"
SECONDS = 600.0 if LONG else 60.0
BREATH = 2.0 if LONG else 0.5
LEAST = len(deck.FAULTS) if LONG else 4
SEED = int(os.environ["SIGNALBOX_DRILL_SEED"])
ENOUGH = 0.999
PART = 2000
BY_PARTS = [{"do": "weight", "weight": PART}, {"do": "pause", "until": {"seconds": 5}}, {"do": "switch"}]


@dataclass
class Moves:
    """Has versions take turns, each asked for and approved by two, and reads the router's table every 100 ms."""

    ground: Ground
    turns: tuple[tuple[int, str], ...]
    promoted: int = 0
    tables: list[Entry] = field(default_factory=list)
    wrong: list[Exception] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def read(self) -> None:
        stack, key = self.ground.stack, f"production/{self.ground.story.model}"
        environ = {"SIGNALBOX_SERVING_DIR": str(stack.var / "serving"), "SIGNALBOX_RUN": str(stack.sockets),
                   "SIGNALBOX_STORE": str(stack.var / "store")}  # fmt: skip
        runtime = Runtime(places.read(environ).places)
        while not self.stop.wait(0.1):
            with contextlib.suppress(RouterUnavailable):
                self.tables += [entry for name, entry in runtime.routes().items() if name == key]

    def move(self) -> None:
        try:
            for version, plan in itertools.cycle(self.turns):
                if self.stop.wait(2):
                    return
                self.ground.story.promote(version, plan)
                self.promoted += 1
        except Exception as error:  # told when the drill is over
            self.wrong.append(error)


@contextmanager
def moving(ground: Ground) -> Iterator[Moves]:
    """For as long as the block lasts; the promotion under way is carried out before it ends."""
    served, plan = int(ground.story.served()), f"parts-{uuid.uuid4().hex[:6]}"
    ground.story.reviewers[0].post("/api/v1/plans/", {"name": plan, "body": {"steps": BY_PARTS}})
    found = Moves(ground, ((ground.candidate(), plan), (served, "")))
    threads = [threading.Thread(target=act, daemon=True) for act in (found.read, found.move)]
    for thread in threads:
        thread.start()
    try:
        yield found
    finally:
        found.stop.set()
        for thread in threads:
            thread.join(timeout=200)
    assert found.wrong == []


def reads(ground: Ground) -> tuple[mixed.Kind, mixed.Kind]:
    """Pages as a person in a session, and calls with a token."""
    model, stack = ground.story.model, ground.stack
    pages = ("/", "/models/", f"/models/{model}/", "/promotions/", "/endpoints/", f"/endpoints/production/{model}/")
    calls = ("/api/v1/models/", f"/api/v1/models/{model}/", "/api/v1/promotions/", ground.story.endpoint)
    email = next(person.email for person in people.PEOPLE if person.key == "ml_lead")
    # A session of its own: the reviewers' change with each second look.
    with closing(Session(stack.url, email, stack.people["ml_lead"]["password"]).http) as http:
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in http.cookies.jar)
    token = {"Authorization": f"Bearer {stack.tokens['data_scientist']}"}
    return (
        mixed.Kind("page", 2.0, pages, stack.url, {"Cookie": cookies}),
        mixed.Kind("call", 3.0, calls, stack.url, token),
    )


@pytest.mark.timeout(SECONDS * 2 + 600)
def test_single_faults_cost_no_request_that_is_asked_again(ground: Ground) -> None:
    print(f"\nSeed {SEED}; SIGNALBOX_DRILL_SEED={SEED} repeats it.")
    with mixed.asking(mixed.predictions(ground.story.address, 15.0), *reads(ground)) as load, moving(ground) as moved:
        healed = drill.carry_out(ground, SEED, SECONDS, BREATH, LEAST)
    print(reckoning.table(healed, load))
    for kind in ("prediction", "page", "call"):
        print(f"{kind}: {load.succeeded(kind):.3%} succeeded")
        assert load.succeeded(kind) >= ENOUGH, [one for one in load.failed if one.kind == kind][:10]
    assert reckoning.broken(healed, load) == []
    assert moved.promoted >= 2
    generations = [entry.spec.generation for entry in moved.tables]
    assert generations == sorted(generations)
    assert {entry.spec.cut for entry in moved.tables} == {0, PART}
    all_holds(ground)


def all_holds(ground: Ground) -> None:
    """Once everything has come to rest, nothing is lost, done twice or left behind."""

    found = [["never asked"]]

    def none_wrong() -> bool:
        done = ground.stack.manage("shell", "-c", "from tests.faults import invariants; invariants.tell()")
        line = next(line for line in done.stdout.splitlines() if line.startswith("INVARIANTS "))
        found.append(json.loads(line.removeprefix("INVARIANTS ")))
        return not found[-1]

    with contextlib.suppress(AssertionError):
        wait_until(none_wrong, 90, "the invariants to hold")
    assert found[-1] == []
    story = ground.story
    served = int(story.author.get(story.endpoint)["endpoint"]["stable"]["version"])
    ground.serves(served)
    ground.log_is_whole()
    rows = drill.revisions(ground)
    assert len({row["pid"] for row in rows}) == len({row["slot"] for row in rows}) == len(rows)
