"""What a first list of checks is made of: it holds for the data it came from."""

from registry.datasets.checks import parsed
from registry.datasets.suggest import suggested
from tests.registry.datasets.conftest import FLIGHTS, Shelf


def test_a_version_passes_what_it_suggests(shelf: Shelf) -> None:
    header, *rows = FLIGHTS.splitlines()
    version = shelf.register(shelf.write("\n".join([header, *rows * 40])))
    found = suggested(version.profile)
    rules = {(check.rule, *check.columns) for check in parsed(found)}
    assert rules >= {("rows",), ("nulls", "delay"), ("range", "delay"), ("categories", "carrier")}
    shelf.promise(*found)
    assert version.check_runs.get().verdict == "pass"


def test_columns_with_gaps_or_many_values_suggest_less() -> None:
    profile = [
        {"name": "a", "kind": "number", "rows": 9, "nulls": 1, "low": None, "high": None, "distinct": 0},
        {"name": "b", "kind": "text", "rows": 9, "nulls": 0, "low": "x", "high": "y", "distinct": 9, "frequent": []},
    ]
    assert suggested(profile) == [{"rule": "rows", "least": 4}, {"rule": "nulls", "column": "b", "most": 0}]
    assert suggested([]) == []
