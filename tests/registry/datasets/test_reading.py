"""CSV and Parquet as one table: types from every row, bounded memory, nothing else opened, clear refusals."""

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from registry.datasets import reading
from registry.datasets.files import BadData
from registry.datasets.reading import Table


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@contextmanager
def opened(folder: Path, types: dict[str, str] | None = None) -> Iterator[Table]:
    scratch = folder.parent / "scratch"
    scratch.mkdir(exist_ok=True)
    with reading.table(folder, scratch, types) as table:
        yield table


def test_csv_files_are_one_table_in_the_order_of_their_names(folder: Path) -> None:
    (folder / "b.csv").write_text("x,name\n3,c\n")
    (folder / "a.CSV").write_text("x,name\n1,a\n2,\n")
    with opened(folder) as table:
        assert table.rows == 3
        assert table.types == {"x": "BIGINT", "name": "VARCHAR"}
        rows = [row for batch in table.batches() for row in batch.to_pylist()]
    assert rows == [{"x": 1, "name": "a"}, {"x": 2, "name": None}, {"x": 3, "name": "c"}]


def test_parquet_keeps_its_types(folder: Path) -> None:
    pq.write_table(
        pa.table({"x": pa.array([1, 2], pa.int8()), "when": pa.array([0, 1], pa.timestamp("us"))}), folder / "a.parquet"
    )
    with opened(folder) as table:
        assert [str(field.type) for field in table.schema] == ["int8", "timestamp[us]"]


def test_the_type_of_a_column_is_decided_by_all_its_rows(folder: Path) -> None:
    (folder / "a.csv").write_text("x\n" + "1\n" * 90_000 + "late\n")
    with opened(folder) as table:
        assert table.types == {"x": "VARCHAR"}


def test_pinned_types_hold(folder: Path) -> None:
    (folder / "a.csv").write_text("x\n1\n2\n")
    with opened(folder, {"x": "VARCHAR"}) as table:
        assert [v for batch in table.batches() for v in batch.column("x").to_pylist()] == ["1", "2"]


def test_some_columns_of_a_wide_table(folder: Path) -> None:
    (folder / "a.csv").write_text('x,"a ""b"" c",z\n1,2,3\n')
    with opened(folder) as table:
        assert [batch.schema.names for batch in table.batches(['a "b" c'])] == [['a "b" c']]


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({}, "no .csv or .parquet file"),
        ({"a.txt": b"x"}, "no .csv or .parquet file"),
        ({"a.csv": b"x\n1\n", "b.parquet": b""}, "one format"),
        ({"a.parquet": b"PAR1 not really"}, "a.parquet"),
        ({"a.csv": b"x\n\xff\xfe\x00\n"}, "utf-8"),
        ({"a.csv": b"x,y\n1,2\n", "b.csv": b"q\n1\n"}, "b.csv"),
    ],
)
def test_what_is_no_table_is_refused_with_a_sentence(folder: Path, files: dict[str, bytes], sentence: str) -> None:
    for name, content in files.items():
        (folder / name).write_bytes(content)
    with pytest.raises(BadData, match=sentence), opened(folder) as table:
        list(table.batches())


def test_too_many_columns_are_refused(folder: Path) -> None:
    (folder / "a.csv").write_text(",".join(f"c{n}" for n in range(reading.MOST_COLUMNS + 1)) + "\n")
    with pytest.raises(BadData, match=f"at most {reading.MOST_COLUMNS}"), opened(folder):
        pass


def test_nothing_outside_the_folder_can_be_read(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("x\n1\n")
    (folder / "a.csv").write_text("x\n1\n")
    with opened(folder) as table:
        with pytest.raises(BadData, match="disabled"):
            table.ask(f"SELECT * FROM read_csv('{tmp_path}/secret.csv')")
        with pytest.raises(duckdb.Error):
            table.connection.execute("SET enable_external_access = true")


def test_batches_are_bounded_whatever_the_number_of_rows(folder: Path) -> None:
    rows = 1_000_000
    pq.write_table(pa.table({"x": pa.array(range(rows), pa.int64())}), folder / "a.parquet")
    seen = 0
    tracemalloc.start()
    with opened(folder) as table:
        for batch in table.batches():
            assert len(batch) <= reading.BATCH_ROWS
            seen += len(batch)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert seen == rows
    assert peak < 8 * rows  # less than one column of it
