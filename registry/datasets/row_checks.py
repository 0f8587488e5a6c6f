"""The checks that look at each row by itself, in batches; pandera makes them and gathers what fails."""

import re
from typing import Any

import pandas as pd
import pandera.pandas as rules
import pyarrow as pa
import pyarrow.compute as pc

from registry.datasets.checking import SHOWN_ROWS, UNKNOWN, Result, named
from registry.datasets.checks import Check
from registry.datasets.reading import Table


def carried_out(table: Table, results: list[Result]) -> None:
    """Note in the results which rows fail."""
    wanted = sorted({name for result in results for name in named(result.check)})
    first = 1
    for batch in table.batches(wanted):
        frame = batch.to_pandas(types_mapper=pd.ArrowDtype)
        frame.index = pd.RangeIndex(first, first + len(frame))
        _validate(frame, [result for result in results if result.verdict != UNKNOWN])
        first += len(frame)


def _validate(frame: pd.DataFrame, results: list[Result]) -> None:
    """Have pandera look at one batch and spread what it found over the results."""
    schema = rules.DataFrameSchema(
        checks=[
            rules.Check(_holds, name=str(number), result=result, error=str(number), ignore_na=False)
            for number, result in enumerate(results)
        ]
    )
    try:
        schema.validate(frame, lazy=True)
    except rules.errors.SchemaErrors as errors:
        for error in errors.schema_errors:
            result = results[int(error.check.name)]
            if error.check_output is None or result.verdict == UNKNOWN:
                result.is_unknown(f"It cannot be checked on these values: {_why(error)}.")
                continue
            bad = frame[~error.check_output]
            shown = bad[named(result.check)].head(SHOWN_ROWS)
            values = shown.iloc[:, 0] if shown.shape[1] == 1 else [tuple(row) for row in shown.itertuples(index=False)]
            result.fails(len(bad), list(shown.index), list(values))


def _why(error: rules.errors.SchemaError) -> str:
    """What was raised while checking, in one line."""
    said = re.search(r"Error\(['\"](.*)['\"]\)", str(error))
    return (said[1] if said else str(error).split("\n", 1)[0])[:300]


def _holds(frame: pd.DataFrame, *, result: Result) -> "pd.Series[bool]":
    """Row by row whether a check holds. A missing value breaks no rule but that about missing values."""
    check = result.check
    if check.rule == "expression":
        answer = frame.eval(check.limits["expression"])
        return answer.fillna(True).astype(bool)
    values = frame[check.columns[0]]
    return (ROW_RULES[check.rule](values, check) | values.isna()).fillna(True).astype(bool)


def _in_range(values: Any, check: Check) -> Any:
    least, most = check.limits.get("min"), check.limits.get("max")
    holds = pd.Series(True, index=values.index)
    if least is not None:
        holds &= values >= least
    return holds & (values <= most) if most is not None else holds


def _in_categories(values: Any, check: Check) -> Any:
    return values.isin(check.limits["values"])


def _matches(values: Any, check: Check) -> Any:
    """By RE2, which cannot be made to run for ever as Python's own can."""
    found = pc.match_substring_regex(pa.array(values.astype("string")), pattern=f"^(?:{check.limits['regex']})$")
    return pd.Series(found.to_pylist(), index=values.index, dtype="boolean")


ROW_RULES = {"range": _in_range, "categories": _in_categories, "pattern": _matches}
