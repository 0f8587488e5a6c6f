"""Data from S3: read with the workers' credentials from the server that is set, and nothing but data files."""

from collections.abc import Iterator
from typing import Any

import pytest

from portal.core import work
from registry.models import DataSetVersion
from registry.services import datasets
from tests import world
from tests.registry.datasets import bucket as buckets
from tests.registry.datasets.bucket import KEY, Bucket
from tests.registry.datasets.conftest import FLIGHTS, Shelf


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[Bucket]:
    with buckets.served() as found:
        settings.SIGNALBOX_S3_ENDPOINT = found.url
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield found


def register(shelf: Shelf, uri: str) -> DataSetVersion:
    actor = world.actor(shelf.priya)
    row = datasets.register_version(actor=actor, name="flights", source={"kind": "s3", "uri": uri})
    work.drain()
    row.refresh_from_db()
    return row


def test_all_data_below_a_prefix_is_taken(shelf: Shelf, bucket: Bucket) -> None:
    lines = FLIGHTS.splitlines(keepends=True)
    bucket.objects = {
        "2026/a.csv": "".join(lines[:3]).encode(),
        "2026/more/b.csv": (lines[0] + lines[3]).encode(),
        "2026/notes.txt": b"not data",
        "2025/old.csv": FLIGHTS.encode(),
    }
    row = register(shelf, "s3://flights/2026")
    assert (row.status, row.rows) == ("ready", 3), row.status_note
    assert [file["path"] for file in row.files] == ["a.csv", "more/b.csv"]
    assert set(bucket.asked) == {"2026/a.csv", "2026/more/b.csv"}


def test_one_object_is_a_version_too(shelf: Shelf, bucket: Bucket) -> None:
    bucket.objects = {"2026/a.csv": FLIGHTS.encode()}
    row = register(shelf, "s3://flights/2026/a.csv")
    assert (row.status, row.rows) == ("ready", 3), row.status_note


@pytest.mark.parametrize("uri", ["s3://elsewhere/2026", "s3://flights/2024"])
def test_what_is_not_there_is_said(shelf: Shelf, bucket: Bucket, uri: str) -> None:
    row = register(shelf, uri)
    assert row.status == "failed"
    assert row.status_note


def test_without_the_right_key_nothing_is_read(shelf: Shelf, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket.objects = {"2026/a.csv": FLIGHTS.encode()}
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOTHER")
    row = register(shelf, "s3://flights/2026")
    assert (row.status, bucket.asked) == ("failed", [])
    assert row.status_note.startswith("s3://flights/2026 cannot be read")
