"""People and programs at work in a running portal: a model of their own, promoted and rolled back over HTTP."""

import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from demo import people
from demo.client import Caller, RefusedError, Session
from tests.stack import Stack
from tests.waiting import wait_until

REVIEWERS = ("ml_lead", "model_risk")
EXAMPLE = "flight-delay"
# One flight, as callers of the example model send it.
FLIGHT = {
    "carrier": "B6", "origin": "JFK", "dest": "BOS", "weekday": 5, "hour": 18, "distance": 187,
    "departures_in_hour": 24, "origin_delay": 32.5, "carrier_delay": 21.0, "aircraft_delay": 14.0,
    "temp": 78.1, "humid": 71.0, "wind_speed": 12.7, "precip": 0.06, "visib": 5.0, "pressure": 1008.4,
}  # fmt: skip


@dataclass
class Story:
    """One registered model with an endpoint in production; its versions carry the files of the example model's."""

    stack: Stack
    model: str
    author: Caller
    operator: Caller
    reviewers: list[Session]
    gateway: httpx.Client

    @property
    def endpoint(self) -> str:
        return f"/api/v1/endpoints/production/{self.model}/"

    def register(self, like: int) -> int:
        """Register the files of that version of the example model as a version of this one; its number."""
        source = self.author.get("/api/2.0/mlflow/model-versions/get", name=EXAMPLE, version=str(like))["model_version"]
        body = {"name": self.model, "run_id": source["run_id"], "source": source["source"]}
        if source["source"].startswith("models:/"):
            body["model_id"] = source["source"].removeprefix("models:/")
        made = self.author.post("/api/2.0/mlflow/model-versions/create", body)["model_version"]
        return int(made["version"])

    def register_own(self) -> tuple[int, Path]:
        """A version with files that no other version has: its number, and where the store keeps them once validated."""
        digest = self.author.get(f"/api/v1/models/{EXAMPLE}/versions/1/")["digest"]
        made = self.author.post("/api/2.0/mlflow/experiments/create", {"name": uuid.uuid4().hex})
        run = self.author.post("/api/2.0/mlflow/runs/create", {"experiment_id": made["experiment_id"]})["run"]["info"]
        root = f"{made['experiment_id']}/{run['run_id']}/artifacts/model"
        kept = self.kept(digest)
        files = {str(path.relative_to(kept)): path.read_bytes() for path in kept.rglob("*") if path.is_file()}
        for name, content in (files | {"note.txt": uuid.uuid4().bytes}).items():
            path = f"/api/2.0/mlflow-artifacts/artifacts/{root}/{name}"
            self.author.http.put(path, content=content).raise_for_status()
        body = {"name": self.model, "source": f"runs:/{run['run_id']}/model", "run_id": run["run_id"]}
        number = int(self.author.post("/api/2.0/mlflow/model-versions/create", body)["model_version"]["version"])
        self.validated(number)
        return number, self.kept(self.author.get(f"/api/v1/models/{self.model}/versions/{number}/")["digest"])

    def kept(self, digest: str) -> Path:
        """The folder of the artifact store that holds the files of this digest."""
        number = digest.removeprefix("sha256:")
        return self.stack.var / "store" / "sha256" / number[:2] / number

    def validated(self, number: int) -> int:
        def ready() -> bool:
            found = self.author.get(f"/api/v1/models/{self.model}/versions/{number}/")
            assert found["status"] != "failed", found
            return bool(found["status"] == "ready")

        wait_until(ready, 120, f"version {number} of {self.model} to be validated")
        return number

    def ask(self, version: int, plan: str = "") -> int:
        wish = {"model": self.model, "version": version, "environment": "production", "why": "A test of faults."}
        wish |= {"plan": plan} if plan else {}
        return int(self.author.post("/api/v1/promotions/", wish)["number"])

    def approve(self, number: int, reviewer: Session) -> None:
        """Approve on the evidence as it stands; looked at again when it was just being frozen anew."""
        path = f"/api/v1/promotions/{number}/"

        def given() -> bool:
            try:
                reviewer.post(f"{path}approve/", {"seen": reviewer.get(path)["evidence_digest"], "comment": "Fine."})
            except RefusedError as refused:
                if refused.code in {"evidence_changed", "evidence_outdated"}:
                    return False
                if refused.code in {"approved_already", "not_pending"}:
                    return True
                raise
            return True

        wait_until(given, 60, f"an approval of promotion {number}")

    def decide(self, number: int) -> None:
        for reviewer in self.reviewers:
            self.approve(number, reviewer)

    def promotion(self, number: int) -> dict[str, Any]:
        return self.author.get(f"/api/v1/promotions/{number}/")

    def carried_out(self, number: int, timeout: float = 150) -> None:
        def done() -> bool:
            now = self.promotion(number)
            assert now["status"] in ("pending_review", "approved", "rolling_out", "promoted"), now
            return bool(now["status"] == "promoted")

        wait_until(done, timeout, f"promotion {number} to be carried out")

    def promote(self, version: int, plan: str = "") -> int:
        number = self.ask(version, plan)
        self.decide(number)
        self.carried_out(number)
        return number

    def roll_back(self) -> int:
        """Order the rollback; the number of its rollout."""
        plan = self.operator.get(f"{self.endpoint}rollback/")
        order = {"reason_code": "quality", "note": "A drill.", "expect_generation": plan["expect_generation"]}
        return int(self.operator.post(f"{self.endpoint}rollback/", order)["id"])

    def rolled_back(self, rollout: int, timeout: float = 120) -> None:
        """Wait for its end, and let the author's token promote here again."""
        path = f"/api/v1/rollouts/{rollout}/"
        wait_until(lambda: self.operator.get(path)["status"] == "completed", timeout, "the rollback to complete")
        self.reviewers[0].post(f"{self.endpoint}release/", {"reason": "A drill."})

    @property
    def address(self) -> str:
        """Where its predictions are asked for."""
        return f"{self.stack.gateway_url}/production/{self.model}/invocations"

    def predict(self) -> httpx.Response:
        return self.gateway.post(self.address, json={"dataframe_records": [FLIGHT]})

    def served(self) -> str:
        """The version that answers now."""
        answer = self.predict()
        assert answer.status_code == 200, answer.text
        return answer.headers["x-served-version"]


@contextmanager
def told(stack: Stack) -> Iterator[Story]:
    """A story of its own, with its callers; every connection is closed at the end."""
    with ExitStack() as ending:

        def caller(found: Caller) -> Any:
            ending.callback(found.http.close)
            return found

        emails = {person.key: person.email for person in people.PEOPLE}
        author = caller(Caller(stack.url, stack.tokens["data_scientist"]))
        model = f"fault-{uuid.uuid4().hex[:6]}"
        author.post("/api/2.0/mlflow/registered-models/create", {"name": model})
        yield Story(
            stack,
            model,
            author,
            caller(Caller(stack.url, stack.tokens["operator"])),
            [caller(Session(stack.url, emails[key], stack.people[key]["password"])) for key in REVIEWERS],
            ending.enter_context(httpx.Client(base_url=stack.gateway_url, timeout=20)),
        )
