"""Reads CSV and Parquet files as one table, in batches of bounded memory.

DuckDB does the work: it looks at every row of a CSV file before it decides on types, spills to disk, and is told
which folder it may open. Nothing here trusts the files; run it where a crash harms nobody.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from registry.datasets.files import SUFFIXES, BadData

BATCH_ROWS = 65_536
MEMORY = "512MB"
MOST_COLUMNS = 2_000


@dataclass(frozen=True)
class Table:
    """Rows of one or several files, in the order of the files' names. `types` are DuckDB's, by column."""

    connection: duckdb.DuckDBPyConnection
    schema: pa.Schema
    types: dict[str, str]
    rows: int

    def batches(self, columns: Sequence[str] = ()) -> Iterator[pa.RecordBatch]:
        """All rows, or some columns of them, in batches of at most `BATCH_ROWS`. Raises `BadData`."""
        data = self.connection.view("data")
        wanted = data.select(*(duckdb.ColumnExpression(name) for name in columns)) if columns else data
        try:
            yield from wanted.to_arrow_reader(BATCH_ROWS)
        except (duckdb.Error, pa.ArrowException) as error:
            raise BadData(first_line(error)) from error

    def ask(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of a question about the view `data`. Raises `BadData` when a row cannot be read after all."""
        try:
            return self.connection.execute(sql, list(values)).fetchall()
        except duckdb.Error as error:
            raise BadData(first_line(error)) from error


def quoted(name: str) -> str:
    """A column's name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def first_line(error: Exception) -> str:
    """What DuckDB says, without the hints for its own users."""
    said = [line.strip() for line in str(error).split("\n\n")[0].splitlines() if line.strip()]
    return " ".join(said)[:500]


def files_of(folder: Path) -> tuple[str, list[Path]]:
    """The format and the data files of a folder. Raises `BadData` for none, or for two formats at once."""
    found = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix.lower() in SUFFIXES)
    formats = {SUFFIXES[path.suffix.lower()] for path in found}
    if not found:
        raise BadData("There is no .csv or .parquet file.")
    if len(formats) > 1:
        raise BadData("There are .csv and .parquet files. One data set version has one format.")
    if empty := next((path for path in found if not path.stat().st_size), None):
        raise BadData(f"{empty.name} is empty.")
    return formats.pop(), found


@contextmanager
def table(folder: Path, scratch: Path, types: Mapping[str, str] | None = None) -> Iterator[Table]:
    """The data files of `folder` as one table; `scratch` takes what does not fit into memory.

    `types` pins what a CSV file was once read as. Raises `BadData`.
    """
    kind, paths = files_of(folder)
    with duckdb.connect(config={"memory_limit": MEMORY, "temp_directory": str(scratch), "threads": 2}) as connection:
        connection.execute("SET allowed_directories = $1", [[str(folder), str(scratch)]])
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        try:
            yield _table(connection, kind, [str(path) for path in paths], types)
        except duckdb.Error as error:
            raise BadData(first_line(error)) from error


def _table(
    connection: duckdb.DuckDBPyConnection, kind: str, paths: list[str], types: Mapping[str, str] | None
) -> Table:
    if kind == "parquet":
        data = connection.read_parquet(paths)
    else:
        pinned = {"dtype": dict(types)} if types else {}
        data = connection.read_csv(paths, header=True, sample_size=-1, **pinned)  # type: ignore[arg-type]
    if len(data.columns) > MOST_COLUMNS:
        raise BadData(f"There are {len(data.columns)} columns; a data set has at most {MOST_COLUMNS}.")
    data.create_view("data")
    schema = data.limit(0).to_arrow_reader(1).schema
    ((rows,),) = data.count("*").fetchall()
    return Table(connection, schema, dict(zip(data.columns, map(str, data.types), strict=True)), rows)
