"""Show on replayed flights what rollouts make of versions with a fault, of good ones, in the shadow and in an A/B test.

    python -m demo.rollouts                 # all of it, about eight minutes
    python -m demo.rollouts slow wrong      # two of them

Needs the running example world (`make run`). Ends with 0 when everything became of every version that the papers
state, with 1 when not. What it leaves under way when it is stopped, the next start ends.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from demo import flights, people, traffic, verdicts
from demo.cases import CASES, PLANS, Case
from demo.client import Caller, LateError, RefusedError, Session, until
from demo.crowd import LAST, Counts, Crowd
from demo.steering import OVER, Desk
from demo.story import ENVIRONMENT
from demo.traffic import Outcomes
from demo.verdicts import Outcome

MODEL: Final = "flight-delay-rollouts"
TAG: Final = "variant"
FROM_MONTH, FLIGHTS = 7, 60_000
RATE: Final = 60.0
READING_SECONDS: Final = 5.0
REPORTED_AFTER: Final = 2.0
PATIENCE_SECONDS: Final = 420.0
LOOK_EVERY: Final = 0.5
TELL_EVERY: Final = 10.0
LAST_SECONDS: Final = 20.0
PROJECT: Final = Path(__file__).resolve().parent.parent


@dataclass
class Show:
    """One run of the command. `numbers` are the versions by variant; people read a report for `reading` seconds."""

    desk: Desk
    crowd: Crowd
    numbers: dict[str, int]
    outcomes: Outcomes
    reading: float

    def carry_out(self, case: Case) -> Outcome:
        """With the champion serving, roll the challenger out while callers ask, and see what becomes of it."""
        self.desk.serve(self.numbers[case.champion])
        tested = case.plan.startswith("ab-test")
        with self.crowd.asking(self.outcomes if tested else None) as counts:
            row = self.desk.begin(self.numbers[case.challenger], case.plan, f"To show what becomes of it: {case.name}.")
            say(f"rollout {row['id']} of promotion {row['promotion']}, approved by two people")
            shown = self.watch(case, row["id"])
            ended = self.desk.rollout(row["id"])
            counts.last.clear()
            until(lambda: len(counts.last) == LAST or None, LAST_SECONDS, "callers to be answered")
            return self.outcome(case, ended, counts, shown)

    def watch(self, case: Case, number: int) -> str:
        """Tell how the rollout goes until it is over; decide where its plan asks a person. What its report showed."""
        began, told, at, shown = time.monotonic(), 0.0, ("", -1), ""
        while (row := self.desk.rollout(number))["status"] not in OVER:
            now = time.monotonic()
            if now - began > PATIENCE_SECONDS:
                raise LateError(f"Waited {PATIENCE_SECONDS:.0f} seconds for rollout {number} to be over. {row['note']}")
            if at != (row["status"], row["step"]) or now - told > TELL_EVERY:
                at, told = (row["status"], row["step"]), now
                say(f"{now - began:4.0f} s  {self.stand(row)}")
            if row["status"] == "paused":
                shown = self.decide(case, row)
            time.sleep(LOOK_EVERY)
        say(f"{time.monotonic() - began:4.0f} s  {row['status']} {row['note']}".rstrip())
        return shown

    def stand(self, row: dict[str, Any]) -> str:
        """Where a rollout stands, and what its guards say."""
        step = row["plan"][row["step"]]["words"]
        if row["status"] == "paused":
            return f"{step}: {row['pause_why']}"
        found = self.desk.measurements(row["id"])
        said = [one["sentence"] for one in found[-1]["verdicts"] if one["value"] is not None] if found else []
        return f"{step}. {said[0]}" if said else step

    def decide(self, case: Case, row: dict[str, Any]) -> str:
        """A person reads what has been shown, and says to go on or to keep the champion."""
        if row["pause_code"] not in ("person", "decide"):
            self.desk.keep(row["id"], "It should not have asked a person.")
            raise LateError(f"Rollout {row['id']} asks a person: {row['pause_why']}")
        tested = case.plan.startswith("ab-test")
        shown = verdicts.of_test(self.desk.of_test(row["id"])) if tested else verdicts.of_shadow(
            self.desk.of_shadow(row["id"])
        )  # fmt: skip
        say(f"the report: {shown}")
        time.sleep(self.reading)
        if case.keeps:
            self.desk.keep(row["id"], case.keeps)
            return f"{shown}; a person kept the champion"
        self.desk.go_on(row["id"])
        return f"{shown}; a person promoted it, now at 100 %"

    def outcome(self, case: Case, row: dict[str, Any], counts: Counts, shown: str) -> Outcome:
        found = self.desk.measurements(row["id"])
        return Outcome(
            status=row["status"],
            note=row["note"],
            champion=self.numbers[case.champion],
            challenger=self.numbers[case.challenger],
            measured=found[-1] if found else None,
            ended_at=row["ended_at"],
            asked=counts.asked,
            failed=counts.failed,
            last=tuple(counts.last),
            shown=shown,
        )


def say(text: str) -> None:
    print(f"    {text}", flush=True)


def registered(url: str, token: str, var: Path) -> None:
    """Register what is missing, in a process of its own as training is."""
    command = [sys.executable, "-m", "demo.variants", MODEL, str(var.resolve() / "demo-cache")]
    environment = {**os.environ, "MLFLOW_TRACKING_URI": url, "MLFLOW_TRACKING_TOKEN": token}
    done = subprocess.run(command, cwd=PROJECT, env=environment, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise LateError(f"The versions could not be registered. {done.stderr[-2000:]}")


def prepare(facts: dict[str, Any], var: Path, rate: float, reading: float) -> Show:
    """Everything that the cases need: versions, plans, callers, and an endpoint with nothing under way."""

    def sign_in(key: str) -> Session:
        email = next(person.email for person in people.PEOPLE if person.key == key)
        return Session(facts["url"], email, facts["people"][key]["password"])

    program = Caller(facts["url"], facts["tokens"]["data_scientist"])
    reviewers = {key: sign_in(key) for key in ("ml_lead", "model_risk")}
    desk = Desk(MODEL, program, sign_in("data_scientist"), reviewers)
    print(f"Registering the versions of {MODEL}.", flush=True)
    registered(facts["url"], facts["tokens"]["data_scientist"], var)
    wanted = {name for case in CASES for name in (case.champion, case.challenger)}
    numbers = desk.versions(TAG, wanted)
    for name, (title, steps) in PLANS.items():
        desk.write_plan(name, title, steps)
    desk.clear()
    url = f"{facts['gateway_url'].rstrip('/')}/{ENVIRONMENT}/{MODEL}/invocations"
    print(f"Replaying flights from month {FROM_MONTH} to {url}, {rate:g} a second.", flush=True)
    crowd = Crowd(url, traffic.records(var / "demo-cache", FROM_MONTH, FLIGHTS), rate)
    return Show(desk, crowd, numbers, Outcomes(program, ENVIRONMENT, MODEL, REPORTED_AFTER), reading)


def show(stage: Show, cases: Sequence[Case]) -> int:
    """All cases in turn, then the table, and what is not as stated."""
    table, amiss = list(verdicts.HEAD), 0
    try:
        for at, case in enumerate(cases, start=1):
            versions = f"version {stage.numbers[case.challenger]} against {stage.numbers[case.champion]}"
            print(f"{at}/{len(cases)} {case.name}: {versions}, by {case.plan}", flush=True)
            found = stage.carry_out(case)
            table.append(verdicts.row(case, found))
            for said in verdicts.wrong(case, found):
                amiss += 1
                print(f"    NOT AS STATED: {said}", flush=True)
    finally:
        stage.desk.clear()
        stage.desk.release()
        print("\n".join(table), flush=True)
    print(f"Rollouts: {len(cases)}; {amiss or 'nothing'} not as stated.")
    return 1 if amiss else 0


def main(arguments: Sequence[str] | None = None) -> int:
    var = Path(os.environ.get("SIGNALBOX_VAR", "var"))
    parser = argparse.ArgumentParser(prog="python -m demo.rollouts", description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", metavar="case", help=", ".join(case.name for case in CASES))
    parser.add_argument("--rate", type=float, default=RATE, help="flights a second")
    parser.add_argument("--reading", type=float, default=READING_SECONDS, help="seconds a person reads a report for")
    options = parser.parse_args(arguments)
    cases = [case for case in CASES if not options.cases or case.name in options.cases]
    if unknown := set(options.cases) - {case.name for case in CASES}:
        parser.error(f"There is no case {', '.join(sorted(unknown))}.")
    if not (var / "demo.json").is_file():
        print("There is no running example world. Start it with `make run`.", file=sys.stderr)
        return 1
    facts = json.loads((var / "demo.json").read_text())
    try:
        return show(prepare(facts, var, options.rate, options.reading), cases)
    except (RefusedError, LateError, flights.DataMissingError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 1


if __name__ == "__main__":
    raise SystemExit(main())
