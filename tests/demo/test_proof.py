"""The gates on the flights: a worse version is stopped, one that is worse at one airport only is stopped, a good one
goes through; asked on the page's API, by a request, and by the client of CI jobs.
"""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from demo import people
from demo.client import Caller, RefusedError, Session, until
from demo.columns import LABEL
from demo.evaluating import SLICE_MARGIN, Evaluator
from demo.rules import set_rules
from demo.shelf import HOLDOUT
from tests.demo.challengers import CHAMPION, GOOD, MADE, UNFAIR, WORSE
from tests.stack import PROJECT, Stack

pytestmark = pytest.mark.timeout(900)
ENVIRONMENT = "staging"
ON_JUNE = {"data": HOLDOUT.data_set, "target": LABEL}
MARGIN = 0.001
GATES = {
    "quality": {"metric": "brier", "margin": MARGIN, **ON_JUNE},
    "slices": {"margin": SLICE_MARGIN, "columns": ["origin"], **ON_JUNE},
    "calibration": {"most": 0.1, **ON_JUNE},
    "signature": {},
}
PATIENCE = 150.0


@dataclass
class Court:
    """A model of its own in staging, with the champion in place and all challengers evaluated against it."""

    stack: Stack
    model: str
    author: Caller
    reviewers: list[Session]

    def ask(self, version: int) -> int:
        why = {"why": "A test of the gates.", "environment": ENVIRONMENT}
        return int(self.author.post("/api/v1/promotions/", {"model": self.model, "version": version, **why})["number"])

    def request(self, number: int) -> dict[str, Any]:
        return self.author.get(f"/api/v1/promotions/{number}/")

    def promoted(self, number: int) -> None:
        until(lambda: self.request(number)["status"] == "promoted" or None, PATIENCE, f"promotion {number}")

    def checks(self, number: int) -> dict[str, dict[str, Any]]:
        return {check["code"]: check for check in self.request(number)["evidence"]["checks"]}

    def approve(self, number: int, reviewer: Session) -> None:
        path = f"/api/v1/promotions/{number}/"
        reviewer.post(f"{path}approve/", {"seen": reviewer.get(path)["evidence_digest"], "comment": "Read it."})

    def stopped(self, version: int) -> dict[str, dict[str, Any]]:
        """Ask for the version; nobody can approve it. The checks that say so, and the request is gone again."""
        number = self.ask(version)
        for reviewer in self.reviewers:
            with pytest.raises(RefusedError) as refused:
                self.approve(number, reviewer)
            assert refused.value.code == "gate_blocks", refused.value.problem
        checks = self.checks(number)
        self.author.post(f"/api/v1/promotions/{number}/withdraw/", {"reason": "The gates stopped it."})
        return checks

    def client(self, version: int) -> "subprocess.CompletedProcess[str]":
        """The command a CI job runs."""
        command = [sys.executable, "-m", "signalbox_client.commands", "gate"]
        asked = ["--model", self.model, "--version", str(version), "--env", ENVIRONMENT]
        environment = {
            **os.environ,
            "PYTHONPATH": str(PROJECT / "client"),
            "SIGNALBOX_URL": self.stack.url,
            "SIGNALBOX_TOKEN": self.stack.tokens["data_scientist"],
        }
        return subprocess.run([*command, *asked], env=environment, capture_output=True, text=True, check=False)


def trained(stack: Stack, model: str) -> None:
    token = {"MLFLOW_TRACKING_URI": stack.url, "MLFLOW_TRACKING_TOKEN": stack.tokens["data_scientist"]}
    command = [sys.executable, "-m", "tests.demo.challengers", model, str(stack.var / "demo-cache")]
    done = subprocess.run(
        command, cwd=PROJECT, env={**os.environ, **token}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]


@contextmanager
def rules(one: Session, other: Session, model: str) -> Iterator[None]:
    """Staging asks the gates, and two people, of this model alone for as long as this lasts."""
    held = next(found for found in one.every("/api/v1/policies/") if found["name"] == ENVIRONMENT)
    before = held["in_force"]["rules"]
    asked = {code: {**limits, "models": [model]} for code, limits in GATES.items()}
    two = [{"name": "ML lead", "role": "ml_lead", "team": None, "count": 1},
           {"name": "Model risk", "role": "ml_lead", "team": "model-risk", "count": 1}]  # fmt: skip
    set_rules(one, other, ENVIRONMENT, {"gates": asked, "approvals": two}, "For the proof.")
    try:
        yield
    finally:
        set_rules(one, other, ENVIRONMENT, {"gates": {}, **before}, "As it was.")


@pytest.fixture(scope="module")
def court(stack: Stack) -> Iterator[Court]:
    with ExitStack() as ending:

        def session(key: str) -> Session:
            email = next(person.email for person in people.PEOPLE if person.key == key)
            found = Session(stack.url, email, stack.people[key]["password"])
            ending.callback(found.http.close)
            return found

        author = Caller(stack.url, stack.tokens["data_scientist"])
        ending.callback(author.http.close)
        made = Court(stack, f"proof-{uuid.uuid4().hex[:6]}", author, [session("ml_lead"), session("model_risk")])
        trained(stack, made.model)
        for version in range(1, len(MADE) + 1):
            path = f"/api/v1/models/{made.model}/versions/{version}/"
            until(lambda path=path: author.get(path)["status"] == "ready" or None, PATIENCE, path)  # type: ignore[misc]
        made.promoted(made.ask(CHAMPION))
        ending.enter_context(rules(session("administrator"), session("administrator_2"), made.model))
        for version in (WORSE, UNFAIR, GOOD):
            Evaluator(author, made.model).evaluate(version, CHAMPION)
        yield made


def test_a_worse_version_is_stopped_by_the_interval_of_the_difference(court: Court) -> None:
    quality = court.stopped(WORSE)["quality"]
    assert quality["verdict"] == "fail"
    assert MARGIN < quality["low"] < quality["high"], "the whole interval is beyond the limit"
    assert quality["sample"] == 27_075
    assert quality["note"].startswith("Worse than the limit, at 95% confidence, on 27")


def test_a_version_that_is_better_on_average_is_stopped_by_the_airport_where_it_is_worse(court: Court) -> None:
    checks = court.stopped(UNFAIR)
    quality, slices = checks["quality"], checks["slices"]
    assert (quality["verdict"], quality["high"] < 0) == ("pass", True), "it is better on average, and surely so"
    assert slices["verdict"] == "fail"
    assert slices["low"] > SLICE_MARGIN, "the loss at the slice is surely more than what is accepted"
    assert "LGA" in slices["note"]
    evaluation = int(slices["link"].strip("/").split("/")[-1])
    found = court.author.get(f"/api/v1/evaluations/{evaluation}/report/")["results"]["slices"]["results"]
    answers = {one["name"]: one["answer"] for one in found if one["kind"] == "declared"}
    assert answers == {"origin = EWR": "not worse", "origin = JFK": "not worse", "origin = LGA": "worse"}


@pytest.mark.parametrize(("version", "code"), [(WORSE, 1), (UNFAIR, 1), (GOOD, 0)])
def test_a_ci_job_gets_the_same_answers(court: Court, version: int, code: int) -> None:
    done = court.client(version)
    assert done.returncode == code, done.stdout + done.stderr


def test_a_good_version_passes_and_two_people_let_it_in(court: Court) -> None:
    number = court.ask(GOOD)
    assert {check["verdict"] for check in court.checks(number).values()} == {"pass"}
    for reviewer in court.reviewers:
        court.approve(number, reviewer)
    court.promoted(number)
    endpoint = court.author.get(f"/api/v1/endpoints/{ENVIRONMENT}/{court.model}/")["endpoint"]
    assert endpoint["stable"]["version"] == GOOD
