"""The example data is what it says it is, and nothing in it looks ahead."""

import sys
from pathlib import Path

import pandas as pd
import pytest

from demo import flights
from demo.columns import DECIMAL, MEANING, RECORD, TEXT, WHOLE

pytestmark = pytest.mark.xdist_group("flights")


def test_every_flight_that_has_a_label_and_weather_is_there(year: pd.DataFrame) -> None:
    assert len(year) == 336_776 - 9_430 - 759
    assert year["late"].mean() == pytest.approx(0.237, abs=0.001)
    assert set(year["late"]) == {0, 1}


def test_a_record_has_no_gap_and_the_promised_types(year: pd.DataFrame) -> None:
    assert not year[list(RECORD)].isna().any().any()
    assert {str(year[name].dtype) for name in WHOLE} == {"int64"}
    assert {str(year[name].dtype) for name in DECIMAL} == {"float64"}
    assert {str(year[name].dtype) for name in TEXT} == {"str"}
    assert set(MEANING) == set(RECORD)


def test_flights_are_in_time_order(year: pd.DataFrame) -> None:
    assert year["scheduled"].is_monotonic_increasing
    assert str(year["scheduled"].iloc[0]) == "2013-01-01 10:15:00+00:00"


def test_the_broken_package_is_never_imported(year: pd.DataFrame) -> None:
    assert len(year)
    assert flights.PACKAGE not in sys.modules


def test_the_wind_has_no_typing_error(year: pd.DataFrame) -> None:
    assert year["wind_speed"].max() < flights.HIGHEST_WIND


def test_a_second_load_reads_the_kept_file(year: pd.DataFrame, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> None:
        raise AssertionError("the sources were read again")

    monkeypatch.setattr(flights, "build", refuse)
    pd.testing.assert_frame_equal(flights.load(cache), year)
    assert [path.suffix for path in cache.iterdir()] == [".parquet"]


def test_another_layout_does_not_read_the_kept_file(
    year: pd.DataFrame, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(year)
    monkeypatch.setattr(flights, "LAYOUT", flights.LAYOUT + 1)
    monkeypatch.setattr(flights, "build", lambda _: year.head(1))
    assert len(flights.load(cache / "other")) == 1
    assert len(list(cache.glob("*.parquet"))) == 1


def test_a_missing_package_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flights, "find_spec", lambda _: None)
    with pytest.raises(flights.DataMissingError, match="make run"):
        flights.load()
