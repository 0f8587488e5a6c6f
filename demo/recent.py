"""What was known about earlier flights at the moment a prediction is asked for. Nothing here looks ahead."""

import numpy as np
import pandas as pd


def same_hour(flights: pd.DataFrame, group: str, hour: str) -> pd.Series:
    """How many flights of the same `group` the schedule has in the same `hour`."""
    return flights.groupby([group, hour])[group].transform("size")


def mean_of_window(flights: pd.DataFrame, group: str, window: pd.Timedelta) -> pd.Series:
    """Mean departure delay, in minutes, of the group's flights that left within `window` before `asked`; 0 if none."""
    mean = pd.Series(0.0, index=flights.index)
    departed = flights.loc[flights["left"].notna(), [group, "left", "dep_delay"]].sort_values("left", kind="stable")
    for name, asked in flights.groupby(group)["asked"]:
        own = departed[departed[group] == name]
        left = own["left"].to_numpy("datetime64[us]")
        total = np.concatenate([[0.0], own["dep_delay"].to_numpy().cumsum()])
        # The flights that left in [asked - window, asked): a flight of the very minute is not in yet.
        moment = asked.to_numpy("datetime64[us]")
        until = np.searchsorted(left, moment, side="left")
        since = np.searchsorted(left, moment - window.to_timedelta64(), side="left")
        count = until - since
        mean[asked.index] = np.where(count > 0, (total[until] - total[since]) / np.maximum(count, 1), 0.0)
    return mean.round(2)


def last_known(flights: pd.DataFrame, group: str, oldest: pd.Timedelta) -> pd.Series:
    """Arrival delay, in minutes, of the group's last flight known to have landed before `asked`; 0 if none is."""
    arrived = flights.loc[flights["arr_delay"].notna() & flights[group].notna(), [group, "landed", "arr_delay"]]
    asking = flights.loc[flights[group].notna(), [group, "asked"]].sort_values("asked", kind="stable")
    found = pd.merge_asof(
        asking.reset_index(),
        arrived.sort_values("landed", kind="stable"),
        left_on="asked",
        right_on="landed",
        by=group,
        tolerance=oldest,
        allow_exact_matches=False,
    )
    known = found.set_index("index")["arr_delay"]
    return known.reindex(flights.index).fillna(0.0)
