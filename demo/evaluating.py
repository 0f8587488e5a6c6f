"""Evaluations of the example world: each version on the flights of June, against the one that serves."""

from dataclasses import dataclass
from typing import Final

from demo.client import Caller, Json, LateError, until
from demo.columns import LABEL
from demo.recipe import THRESHOLD
from demo.shelf import HOLDOUT

EVALUATION_SECONDS: Final = 180.0
AIRPORTS: Final = ("EWR", "JFK", "LGA")
# How much worse, in Brier score, a version may be for some flights.
SLICE_MARGIN: Final = 0.01
# Euros a flight. A late flight without a warning costs a rebooking and a complaint; a warned one a message and a
# seat kept free; a warning for nothing a message and some trust.
COSTS: Final = {"true_negative": 0, "false_positive": 15, "false_negative": 60, "true_positive": 20}
SETTINGS: Final[Json] = {
    "task": "classification",
    "target": LABEL,
    "threshold": THRESHOLD,
    "resamples": 500,
    "business": {"costs": COSTS},
}
SLICES: Final[Json] = {
    "declared": [{"column": "origin", "value": airport} for airport in AIRPORTS],
    "find": True,
    "columns": ["carrier", "origin", "weekday", "hour"],
    "margin": SLICE_MARGIN,
}
OVER: Final = {"failed", "cancelled"}


@dataclass(frozen=True)
class Evaluator:
    """`author` may ask for evaluations of `model`."""

    author: Caller
    model: str

    def evaluate(self, number: int, baseline: int | None) -> Json:
        """The finished evaluation of the version, against the baseline where there is one."""
        found = self.known(number, baseline) or self.ask(number, baseline)
        return until(lambda: self.done(found["number"]), EVALUATION_SECONDS, f"evaluation {found['number']}")

    def known(self, number: int, baseline: int | None) -> Json | None:
        rows = self.author.every("/api/v1/evaluations/", model=self.model, version=str(number))
        return next((row for row in rows if row["baseline"] == baseline and row["status"] not in OVER), None)

    def ask(self, number: int, baseline: int | None) -> Json:
        """Slices compare two versions, so the first is evaluated without."""
        settings = SETTINGS | ({"slices": SLICES} if baseline else {})
        wish = {"model": self.model, "version": number, "baseline": baseline, "settings": settings}
        return self.author.post(
            "/api/v1/evaluations/", {**wish, "data_set": HOLDOUT.data_set, "data_version": HOLDOUT.number}
        )

    def done(self, number: int) -> Json | None:
        now = self.author.get(f"/api/v1/evaluations/{number}/")
        if now["status"] in OVER:
            raise LateError(f"Evaluation {number} came to nothing. {now['status_note']}")
        return now if now["status"] == "done" else None
