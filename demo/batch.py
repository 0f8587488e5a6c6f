"""The batch prediction of the example world: the champion on all flights of June."""

from typing import Final

from demo.client import Caller, Json, LateError, until
from demo.shelf import HOLDOUT

SECONDS: Final = 120.0
KEPT: Final = ["carrier", "origin"]
OVER: Final = {"failed", "cancelled"}


def predicted(author: Caller, model: str) -> Json:
    """The finished batch prediction, asked for unless there is one."""
    path = "/api/v1/batch-predictions/"
    rows = author.every(path, model=model)
    found = next((row for row in rows if row["status"] not in OVER), None) or author.post(
        path,
        {"model": model, "version": "champion", "data_set": HOLDOUT.data_set, "data_version": HOLDOUT.number}
        | {"keep": KEPT},
    )

    def done() -> Json | None:
        now = author.get(f"{path}{found['number']}/")
        if now["status"] in OVER:
            raise LateError(f"Batch prediction {now['number']} came to nothing. {now['status_note']}")
        return now if now["status"] == "done" else None

    return until(done, SECONDS, f"batch prediction {found['number']}")
