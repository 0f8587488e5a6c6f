"""Files that must never be seen half-written, and what a killed process leaves of them."""

import os
from pathlib import Path

from serving import files
from serving.places import Places

NOBODY = 2**22 + 1
"""No process has this id: Linux gives none above 2^22."""


def test_what_a_killed_process_had_half_written_is_cleared_at_the_next_start(tmp_path: Path) -> None:
    places = Places(tmp_path / "home", tmp_path / "run", tmp_path / "store")
    places.prepare()
    files.write_json(places.records / "a.json", {"whole": True})
    left = places.records / f".b.json.{NOBODY}.new"
    under_way = places.records / f".c.json.{os.getpid()}.new"
    for path in (left, under_way):
        path.write_text("{")
    places.prepare()
    assert sorted(path.name for path in places.records.iterdir()) == sorted([under_way.name, "a.json"])
