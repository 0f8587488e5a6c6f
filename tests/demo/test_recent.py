"""Features over earlier flights: right by hand, and blind to what had not happened yet."""

import pandas as pd

from demo import flights
from demo.recent import last_known, mean_of_window, same_hour

NOON = pd.Timestamp("2013-07-01 12:00", tz="UTC")


def board(*rows: tuple[str, int, int, float | None]) -> pd.DataFrame:
    """Flights as (airport, minutes after noon it was scheduled, air minutes, departure delay or None if cancelled)."""
    frame = pd.DataFrame(rows, columns=["origin", "minute", "air_time", "dep_delay"])
    frame["dep_delay"] = frame["dep_delay"].astype(float)
    frame["scheduled"] = NOON + pd.to_timedelta(frame["minute"], unit="min")
    frame["asked"] = frame["scheduled"] - pd.Timedelta(minutes=30)
    frame["left"] = frame["scheduled"] + pd.to_timedelta(frame["dep_delay"], unit="min")
    frame["landed"] = frame["left"] + pd.to_timedelta(frame["air_time"], unit="min")
    frame["arr_delay"] = frame["dep_delay"] + 5
    frame["hour"] = frame["scheduled"].dt.floor("h")
    return frame


def test_mean_delay_counts_only_what_left_within_the_window() -> None:
    frame = board(("JFK", 0, 60, 10.0), ("JFK", 60, 60, 20.0), ("LGA", 65, 60, 99.0), ("JFK", 150, 60, 0.0))
    mean = mean_of_window(frame, "origin", pd.Timedelta(hours=2))
    # Asked at 14:00: the first left at 12:10, the second at 13:20, and LGA is another airport.
    assert mean.tolist() == [0.0, 10.0, 0.0, 15.0]
    assert mean_of_window(frame, "origin", pd.Timedelta(hours=1)).tolist() == [0.0, 10.0, 0.0, 20.0]


def test_a_flight_that_leaves_at_the_very_moment_is_not_known_yet() -> None:
    frame = board(("JFK", 0, 60, 30.0), ("JFK", 60, 60, 0.0))
    assert mean_of_window(frame, "origin", pd.Timedelta(hours=2)).tolist() == [0.0, 0.0]


def test_a_cancelled_flight_is_on_the_schedule_but_has_no_delay() -> None:
    frame = board(("JFK", 0, 60, None), ("JFK", 10, 60, 8.0), ("JFK", 55, 60, 0.0))
    assert same_hour(frame, "origin", "hour").tolist() == [3, 3, 3]
    assert mean_of_window(frame, "origin", pd.Timedelta(hours=2)).tolist() == [0.0, 0.0, 8.0]


def test_last_known_delay_waits_for_the_landing() -> None:
    frame = board(("N1", 0, 60, 10.0), ("N1", 90, 60, 0.0), ("N1", 160, 60, 0.0)).rename(columns={"origin": "tailnum"})
    # The first lands at 13:10: unknown at 13:00, known at 14:10.
    assert last_known(frame, "tailnum", pd.Timedelta(days=1)).tolist() == [0.0, 0.0, 15.0]


def test_a_later_flight_changes_nothing_that_was_asked_before() -> None:
    flights_file, _ = flights.source_files()
    day = pd.read_csv(flights_file, usecols=flights.FLIGHT_COLUMNS).query("month == 7 and day == 1")
    seen = flights._with_delays(flights._with_times(day.copy()))
    moment = seen["asked"].median()
    later = day.copy()
    ahead = (seen["left"] >= moment).fillna(False)
    later.loc[ahead, ["dep_delay", "arr_delay"]] += 500.0
    # Landing after the moment is news of later, too: the delay on arrival of what is still in the air.
    later.loc[(seen["landed"] >= moment) & ~ahead, "arr_delay"] += 500.0
    changed = flights._with_delays(flights._with_times(later))
    before = seen["asked"] <= moment
    names = ["departures_in_hour", "origin_delay", "carrier_delay", "aircraft_delay"]
    pd.testing.assert_frame_equal(changed.loc[before, names], seen.loc[before, names])
    assert not changed.loc[~before, names].equals(seen.loc[~before, names])
