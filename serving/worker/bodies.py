"""Reading request bodies as JSON or CSV, strictly and within bounds."""

import csv
import io
import json
import zlib
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from serving.worker import named_once
from serving.worker.columns import MISSING, Frame, check_rows
from serving.worker.refusals import Refusal, bad
from serving.worker.signature import Signature

GZIP = zlib.MAX_WBITS | 16
INDEX_COLUMNS = frozenset({"__index_level_0__"})
TRUTH = {"true": True, "false": False, "1": True, "0": False}


def json_object(body: bytes, forms: Sequence[str] = ()) -> dict[str, Any]:
    """The body as one JSON object; NaN and infinity come back as `NotANumber`. Raises `Refusal`.

    What stands under one of `forms` is rows, so that a name twice in one of those is a column's.
    """
    try:
        found = named_once.decoded(body, forms)
    except UnicodeDecodeError as error:
        raise bad("malformed_json", f"The body is not UTF-8 at byte {error.start}.") from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise bad("malformed_json", f"The body is not JSON: {error.msg} at {where}.") from error
    except (RecursionError, ValueError) as error:
        raise bad("malformed_json", "The body nests too deeply or holds a number with too many digits.") from error
    if not isinstance(found, dict):
        raise bad("malformed_json", "The body must be a JSON object.")
    return found


def from_records(records: Any, key: str) -> Frame:
    """A list of objects as columns."""
    if not isinstance(records, list):
        raise bad("wrong_shape", f"{key} must be a list of records.", key)
    names: dict[str, None] = {}
    for row, record in enumerate(records):
        if not isinstance(record, dict):
            raise bad("wrong_shape", f"{key}: row {row} must be an object of column names and values.", key)
        names.update(dict.fromkeys(record))
    return {name: [record.get(name, MISSING) for record in records] for name in names}


def from_split(split: Any) -> Frame:
    """`dataframe_split`: column names and rows apart."""
    known = {"columns", "data", "index"}
    if not isinstance(split, dict) or not {"columns", "data"} <= split.keys() <= known:
        raise bad("wrong_shape", "dataframe_split must hold columns and data.", "dataframe_split")
    names, rows = split["columns"], split["data"]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names) or not isinstance(rows, list):
        raise bad("wrong_shape", "columns must be a list of names and data a list of rows.", "dataframe_split")
    return from_rows(names, rows, "dataframe_split")


def from_rows(names: Sequence[str], rows: Sequence[Any], key: str) -> Frame:
    """Rows of values in the order of `names`."""
    if len(set(names)) != len(names):
        twice = next(name for name in names if list(names).count(name) > 1)
        raise bad("duplicate_column", f"The column {twice} is there twice. Send each column once.", twice)
    for row, values in enumerate(rows):
        if not isinstance(values, list) or len(values) != len(names):
            raise bad("wrong_shape", f"{key}: row {row} must be a list of {len(names)} values.", key)
    return {name: [values[index] for values in rows] for index, name in enumerate(names)}


def from_columns(columns: dict[str, Any], key: str) -> Frame:
    """Columns by name, each a list of the same length."""
    lengths = set()
    for name, values in columns.items():
        if not isinstance(values, list):
            raise bad("wrong_shape", f"{key}: the column {name} must be a list of values.", name)
        lengths.add(len(values))
    if len(lengths) > 1:
        raise bad("wrong_shape", f"{key}: the columns have different lengths. Send one value for each row.", key)
    return columns


def from_csv(body: bytes, signature: Signature) -> Frame:
    """CSV with a line of column names; values are read as the signature types them, an empty one is missing."""
    try:
        rows = list(csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise bad("malformed_csv", f"The body is not CSV in UTF-8: {error}.") from error
    rows = [row for row in rows if row]
    if not rows:
        raise bad("malformed_csv", "The body is empty. The first line must name the columns.")
    frame = from_rows(rows[0], rows[1:], "csv")
    kinds = {column.name: column.kind for column in signature.columns}
    return {name: [_typed(value, kinds.get(name, "")) for value in values] for name, values in frame.items()}


def _typed(text: str, kind: str) -> Any:
    """The value meant by a cell; what cannot be read stays text, and the column's check names it."""
    if text == "":
        return None
    try:
        if kind in ("double", "float"):
            return float(text)
        if kind in ("long", "integer"):
            return int(text)
    except ValueError:
        return text
    return TRUTH.get(text.lower(), text) if kind == "boolean" else text


def unpacked(body: bytes, encoding: str, most: int) -> bytes:
    """The body as it was before gzip or deflate, at most `most` bytes of it. Raises `Refusal`."""
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "deflate"):
        raise Refusal(415, "media_type", f"The content encoding {encoding[:40]!r} is not read here. Send gzip or none.")
    reader = zlib.decompressobj(GZIP if encoding == "gzip" else zlib.MAX_WBITS)
    try:
        found = reader.decompress(body, most + 1)
    except zlib.error as error:
        raise bad("malformed_encoding", f"The body is not {encoding}.") from error
    if len(found) > most:
        raise too_large(most)
    if not reader.eof:
        raise bad("malformed_encoding", f"The body's {encoding} ends too early.")
    return found


def from_parquet(body: bytes, most_rows: int) -> Frame:
    """A Parquet file as columns. Raises `Refusal`."""
    try:
        file = parquet.ParquetFile(pa.BufferReader(body))
        check_rows(file.metadata.num_rows, most_rows)
        table = file.read(use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise bad("malformed_parquet", f"The body is not Parquet: {str(error)[:200]}") from error
    if len(set(table.column_names)) != table.num_columns:
        raise bad("duplicate_column", "A column is there twice. Send each column once.")
    return {name: _listed(table.column(name)) for name in table.column_names if name not in INDEX_COLUMNS}


def _listed(column: Any) -> list[Any]:
    """Plain values; moments as text, as JSON has them."""
    if pa.types.is_temporal(column.type):
        column = column.cast(pa.string())
    values: list[Any] = column.to_pylist()
    return values


def too_large(most: int) -> Refusal:
    return Refusal(413, "body_too_large", f"The body has more than {most} bytes. Send fewer rows in one request.")
