"""A valid example call of an endpoint, as JSON to try and as commands to copy."""

import json
from typing import Any

from registry.models import ModelVersion

WRAPPED = ("dataframe_split", "dataframe_records", "instances", "inputs")
BY_TYPE: dict[str, Any] = {
    "boolean": False,
    "integer": 0,
    "long": 0,
    "float": 0.0,
    "double": 0.0,
    "string": "text",
    "datetime": "2026-01-01T00:00:00",
}
SHOWN_LIMIT = 20_000


def payload(version: ModelVersion | None) -> str:
    """The body of one valid call: the version's own input example, or values made up from its signature."""
    if version is None:
        return ""
    body = _body(version.input_example) if version.input_example is not None else None
    text = json.dumps(body or {"dataframe_records": [_made_up(version.signature)]}, indent=2, ensure_ascii=False)
    return text if len(text) <= SHOWN_LIMIT else json.dumps({"dataframe_records": [_made_up(version.signature)]})


def golden(version: ModelVersion) -> Any:
    """The version's own example as the portal asks it to see who answers; None without one, or when it is large."""
    body = _body(version.input_example) if version.input_example is not None else None
    return body if body is not None and len(json.dumps(body)) <= SHOWN_LIMIT else None


def is_own(version: ModelVersion | None) -> bool:
    """Whether the example was logged with the version, rather than made up here."""
    return version is not None and version.input_example is not None


def _body(example: Any) -> Any:
    """An input example in one of the forms `/invocations` takes, cut to one row where that is plain to do."""
    if isinstance(example, dict) and any(key in example for key in WRAPPED):
        return _first_row(example)
    if isinstance(example, dict) and {"columns", "data"} <= set(example):
        return _first_row({"dataframe_split": example})
    if isinstance(example, list) and example and isinstance(example[0], dict):
        return {"dataframe_records": example[:1]}
    if isinstance(example, dict):
        return {"dataframe_records": [example]}
    return {"instances": example}


def _first_row(example: dict[str, Any]) -> dict[str, Any]:
    split = example.get("dataframe_split")
    if isinstance(split, dict) and isinstance(split.get("data"), list) and "columns" in split:
        return {"dataframe_records": [dict(zip(split["columns"], row, strict=False)) for row in split["data"][:1]]}
    records = example.get("dataframe_records")
    return {"dataframe_records": records[:1]} if isinstance(records, list) else example


def _made_up(signature: dict[str, Any]) -> dict[str, Any]:
    columns = signature.get("inputs") or []
    return {
        str(column.get("name", index)): BY_TYPE.get(str(column.get("type")), 0)
        for index, column in enumerate(columns)
        if isinstance(column, dict)
    }


def curl(url: str, body: str) -> str:
    """The call as a shell command."""
    quoted = _one_line(body).replace("'", "'\\''")
    return f"curl -sS {url} \\\n  -H 'Content-Type: application/json' \\\n  -d '{quoted}'"


def python(url: str, body: str) -> str:
    """The call as a Python program that needs the standard library only."""
    literal = repr(json.loads(body)) if body else "{}"
    return (
        "import json\nimport urllib.request\n\n"
        f"body = {literal}\n"
        "call = urllib.request.Request(\n"
        f'    "{url}",\n'
        '    json.dumps(body).encode(),\n    {"Content-Type": "application/json"},\n)\n'
        "with urllib.request.urlopen(call, timeout=10) as answer:\n"
        '    print(answer.headers["x-served-version"], json.load(answer))\n'
    )


def _one_line(body: str) -> str:
    return json.dumps(json.loads(body), ensure_ascii=False) if body else "{}"
