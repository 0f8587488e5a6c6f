"""The promotions of the example world, told through the API. Each step looks first what is there already."""

from dataclasses import dataclass

from demo.client import Caller, Json, LateError, RefusedError, Session, until
from demo.evaluating import Evaluator

MODEL = "flight-delay"
ENVIRONMENT = "production"
VALIDATION_SECONDS = 120.0
ROLLOUT_SECONDS = 120.0
EVIDENCE_SECONDS = 30.0
OPEN = {"pending_review", "changes_requested", "approved", "rolling_out"}
DONE = {"promoted", "rolled_back"}

WHY = {
    "v1": "First model for late arrivals. It knows the schedule only, which is enough to start warning passengers.",
    "v2": "Adds the weather and the delays known half an hour before departure. On the flights of June it finds "
    "almost twice as many of the late ones, at a higher precision.",
    "v3": "Version 2 retrained on March to May. Its probabilities fit the spring; those of version 2 are too low.",
}
COMMENTS = {
    "ml_lead": "Read the evaluation against the champion and the signature. Callers send the same record as before.",
    "model_risk": "Same holdout month for both, no flight of it in the training data. The file runs no code.",
}
# The decisions that the world takes by itself: the third version waits for the ML lead.
DECIDED_BY = {"v1": ("ml_lead", "model_risk"), "v2": ("ml_lead", "model_risk"), "v3": ("model_risk",)}


@dataclass(frozen=True)
class Story:
    """`author` holds the data scientist's token, `reviewers` the sessions of those who decide."""

    author: Caller
    reviewers: dict[str, Session]

    def evaluated(self, number: int, serving: int | None) -> None:
        """See that the version was evaluated against the one that serves, unless it was asked for already."""
        if self.find(number) is None:
            Evaluator(self.author, MODEL).evaluate(number, serving)

    def promote(self, recipe: str, number: int) -> Json:
        """Ask for the version, take the decisions that are the world's, and wait until it serves if they suffice."""
        request = self.find(number) or self.ask(recipe, number)
        for key in DECIDED_BY[recipe]:
            if request["status"] == "pending_review":
                request = self.decide(request, key)
        return request if recipe == "v3" else self.serving(request)

    def find(self, number: int) -> Json | None:
        """The request for the version that is open or was carried out."""
        rows = self.author.every("/api/v1/promotions/", model=MODEL, environment=ENVIRONMENT)
        return next((r for r in rows if r["version"] == number and r["status"] in OPEN | DONE), None)

    def ask(self, recipe: str, number: int) -> Json:
        body = {"model": MODEL, "version": number, "environment": ENVIRONMENT, "why": WHY[recipe]}
        return self.author.post("/api/v1/promotions/", body)

    def decide(self, request: Json, key: str) -> Json:
        """Approve as the person of this key, on the evidence as it stands, unless they have."""
        session = self.reviewers[key]
        me = session.get("/api/v1/me/")["person"]
        why = f"evidence that stands still on promotion #{request['number']}"
        return until(lambda: self.approve(request["number"], session, me, COMMENTS[key]), EVIDENCE_SECONDS, why)

    def approve(self, number: int, session: Session, me: int, comment: str) -> Json | None:
        """The request with this person's approval on its present evidence; None when the evidence was changing."""
        path = f"/api/v1/promotions/{number}/"
        current = session.get(path)
        seen = current["evidence_digest"]
        if any(one["reviewer"]["id"] == me and one["evidence_digest"] == seen for one in current["approvals"]):
            return current
        try:
            return session.post(f"{path}approve/", {"seen": seen, "comment": comment})
        except RefusedError as refused:
            if refused.code not in {"evidence_changed", "evidence_outdated"}:
                raise
            return None

    def serving(self, request: Json) -> Json:
        """The request once its version serves."""
        path = f"/api/v1/promotions/{request['number']}/"

        def look() -> Json | None:
            now = self.author.get(path)
            if now["status"] not in OPEN | DONE:
                raise LateError(f"Promotion #{now['number']} ended as {now['status']}. {now.get('note', '')}".strip())
            return now if now["status"] in DONE else None

        return until(look, ROLLOUT_SECONDS, f"promotion #{request['number']} to be carried out")


def ready(author: Caller, recipe: str) -> int | None:
    """The number of the version that came from the recipe, once it is validated."""
    found = author.get("/api/2.0/mlflow/model-versions/search", filter=f"name = '{MODEL}'")
    label = {"key": "recipe", "value": recipe}
    made = [version for version in found.get("model_versions", []) if label in version.get("tags", [])]
    newest = max(made, key=lambda version: int(version["version"]), default=None)
    if newest is None or newest["status"] == "PENDING_REGISTRATION":
        return None
    if newest["status"] != "READY":
        raise LateError(f"Version {newest['version']} was refused. {newest.get('status_message', '')}".strip())
    return int(newest["version"])
