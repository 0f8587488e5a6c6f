"""One endpoint's rollouts as the people of the example world bring them about and steer them, over the REST API."""

from dataclasses import dataclass
from typing import Any, Final

from demo.client import Caller, Json, LateError, RefusedError, Session, until
from demo.story import ENVIRONMENT, OPEN, Story

REVIEWERS: Final = ("ml_lead", "model_risk")
REGISTERED_SECONDS: Final = 180.0
START_SECONDS: Final = 60.0
BACK_SECONDS: Final = 120.0
OVER: Final = {"completed", "aborted"}


@dataclass(frozen=True)
class Desk:
    """`program` registers with a token; `author` asks as a person, since programs wait after a rollback; the ML lead
    of `reviewers` steers."""

    model: str
    program: Caller
    author: Session
    reviewers: dict[str, Session]

    @property
    def lead(self) -> Session:
        return self.reviewers["ml_lead"]

    def versions(self, tag: str, wanted: set[str]) -> dict[str, int]:
        """The numbers of these variants by the value of their tag, once all of them are validated."""

        def look() -> dict[str, int] | None:
            found = self.program.get("/api/2.0/mlflow/model-versions/search", filter=f"name = '{self.model}'")
            rows = {
                label["value"]: row
                for row in found.get("model_versions", [])
                for label in row.get("tags", [])
                if label["key"] == tag
            }
            refused = [row for row in rows.values() if row["status"] == "FAILED_REGISTRATION"]
            if refused:
                raise LateError(f"Version {refused[0]['version']} was refused. {refused[0].get('status_message', '')}")
            ready = {name: int(row["version"]) for name, row in rows.items() if row["status"] == "READY"}
            return ready if wanted <= set(ready) else None

        return until(look, REGISTERED_SECONDS, f"the versions of {self.model} to be validated")

    def write_plan(self, name: str, title: str, steps: list[Json]) -> None:
        """A plan of this name that says so, unless it does."""
        try:
            self.lead.post("/api/v1/plans/", {"name": name, "title": title, "body": {"steps": steps}})
        except RefusedError as refused:
            if refused.status != 409:
                raise

    def serving(self) -> int | None:
        """The version that serves, None before the first."""
        try:
            found = self.program.get(f"/api/v1/endpoints/{ENVIRONMENT}/{self.model}/")["endpoint"]["stable"]
        except RefusedError as refused:
            if refused.status != 404:
                raise
            return None
        return int(found["version"]) if found else None

    def serve(self, number: int) -> None:
        """See that this version serves, all at once if it does not."""
        if self.serving() != number:
            row = self.begin(number, "at-once", "The version to begin with.")
            ended = self.over(row["id"], BACK_SECONDS)
            if ended["status"] != "completed":
                raise LateError(f"Version {number} does not serve. {ended['note']}")

    def begin(self, number: int, plan: str, why: str) -> Json:
        """Ask for the version by this plan, have both people approve, and wait for the rollout of it."""
        wish = {"model": self.model, "version": number, "environment": ENVIRONMENT, "why": why, "plan": plan}
        request = self.author.post("/api/v1/promotions/", wish)
        story = Story(self.program, self.reviewers)
        for key in REVIEWERS:
            request = story.decide(request, key)
        what = f"promotion {request['number']} to begin"
        return until(lambda: self.rollout_of(request["number"]), START_SECONDS, what)

    def rollout_of(self, promotion: int) -> Json | None:
        page = self.program.get("/api/v1/rollouts/", environment=ENVIRONMENT, endpoint=self.model, kind="promotion")
        return next((row for row in page["results"] if row["promotion"] == promotion), None)

    def rollout(self, number: int) -> Json:
        return self.program.get(f"/api/v1/rollouts/{number}/")

    def measurements(self, number: int) -> list[Json]:
        """What both versions showed, weight by weight."""
        return self.program.every(f"/api/v1/rollouts/{number}/measurements/")

    def go_on(self, number: int) -> None:
        seen = self.rollout(number)
        there = {"expect_step": seen["step"], "expect_pause": seen["pause_code"]}
        self.lead.post(f"/api/v1/rollouts/{number}/resume/", there)

    def keep(self, number: int, why: str) -> None:
        """Take the rollout back: the champion stays."""
        self.lead.post(f"/api/v1/rollouts/{number}/abort/", {"reason_code": "quality", "note": why})

    def over(self, number: int, seconds: float) -> Json:
        """The rollout once it is over."""

        def look() -> Json | None:
            row = self.rollout(number)
            return row if row["status"] in OVER else None

        return until(look, seconds, f"rollout {number} to be over")

    def clear(self) -> None:
        """End what an earlier start has left under way, so that the next request is not in anybody's way."""
        rows = self.program.every("/api/v1/promotions/", model=self.model, environment=ENVIRONMENT)
        for request in (row for row in rows if row["status"] in OPEN):
            row = self.rollout_of(request["number"])
            if row is None:
                self.author.post(f"/api/v1/promotions/{request['number']}/withdraw/", {"reason": "Left over."})
            elif row["status"] not in OVER:
                self.keep(row["id"], "Left over.")
                self.over(row["id"], BACK_SECONDS)

    def release(self) -> None:
        """Let programs promote again, where what was taken back has frozen that."""
        try:
            self.lead.post(f"/api/v1/endpoints/{ENVIRONMENT}/{self.model}/release/", {"reason": "All has been shown."})
        except RefusedError as refused:
            if refused.code != "not_frozen":
                raise

    def of_shadow(self, number: int) -> dict[str, Any]:
        """What its shadow has shown."""
        return dict(self.program.get(f"/api/v1/rollouts/{number}/shadow/"))

    def of_test(self, number: int) -> dict[str, Any]:
        """What its A/B test has shown."""
        return dict(self.program.get(f"/api/v1/rollouts/{number}/ab-test/")["report"] or {})
