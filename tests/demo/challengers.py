"""Four real versions on real flights: the one that serves, and three that want its place.

MLFLOW_TRACKING_URI=... MLFLOW_TRACKING_TOKEN=... python -m tests.demo.challengers MODEL CACHE
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd

from demo import flights
from demo.columns import LABEL, TEXT, WEATHER, WHOLE
from demo.recipe import BOOSTING, RECIPES, SEED, Recipe, fit
from demo.runs import register

CHAMPION, WORSE, UNFAIR, GOOD = 1, 2, 3, 4
# The share of LaGuardia's late arrivals that never came through its feed, and were taken for flights on time.
LOST = 0.5
# The one that serves has learned for a short while only, so that there is something to gain.
SHORT = replace(RECIPES[2], settings=BOOSTING | {"max_iter": 20})
BETTER = replace(RECIPES[3], settings=BOOSTING | {"max_iter": 300})

Change = Callable[[pd.DataFrame], pd.DataFrame]


def unchanged(rows: pd.DataFrame) -> pd.DataFrame:
    return rows


def late_lost_at_lga(rows: pd.DataFrame) -> pd.DataFrame:
    """The same flights, with LaGuardia's feed as it was; June, which judges, is as it really was."""
    draw = np.random.default_rng(SEED).random(len(rows))
    lost = (rows["origin"] == "LGA") & (draw < LOST) & rows["month"].between(BETTER.first_month, BETTER.last_month)
    return rows.assign(**{LABEL: rows[LABEL].where(~lost, 0)})


MADE: tuple[tuple[Recipe, Change], ...] = (
    (SHORT, unchanged),
    (replace(RECIPES[2], features=(*TEXT, *WHOLE, *WEATHER)), unchanged),
    (BETTER, late_lost_at_lga),
    (RECIPES[2], unchanged),
)


def main(model: str, cache: Path) -> None:
    mlflow.set_experiment(model)
    year = flights.load(cache)
    for number, (recipe, change) in enumerate(MADE, start=1):
        assert register(fit(recipe, change(year)), model) == str(number)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
