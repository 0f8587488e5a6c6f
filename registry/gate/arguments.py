"""A call's arguments, read so that MLflow cannot read them otherwise: pure.

MLflow takes the first of repeated parameters and both spellings of a field, `run_id` and `runId`. Whoever mixes them
could have one object checked here and another changed there, so both are refused.
"""

from typing import Any
from urllib.parse import parse_qs

from portal.core.api.parsers import NO_CHARACTER, NO_TEXT, read
from portal.core.errors import BadInput

LISTS = {"experiment_ids", "order_by", "stages"}
LONGEST = {
    "description": 5_000,
    "run_name": 250,
    "user_id": 250,
    "run_link": 500,
    "model_type": 500,
    "name": 500,
    "new_name": 500,
    "filter": 20_000,
}
"""Characters of a text. Columns of MLflow's are as long, which some databases heed and others do not."""


def of_query(raw: bytes) -> dict[str, Any]:
    """The parameters of a query string; raises `BadInput` when one that is not a list stands twice."""
    try:
        given = parse_qs(raw.decode("ascii"), keep_blank_values=True, max_num_fields=1000, errors="strict")
    except ValueError as error:
        raise BadInput("The query string cannot be read.", code="bad_query", status=400) from error
    for name, values in given.items():
        if any(NO_CHARACTER.search(text) for text in (name, *values)):
            raise BadInput(f"{name[:60]!r}: {NO_TEXT}", code="bad_query", status=400)
        if len(values) > 1 and name not in LISTS:
            raise BadInput(f"{name[:60]} stands twice in the query.", code="bad_query", status=400)
    return _plain({name: values if name in LISTS else values[0] for name, values in given.items()})


def of_body(raw: bytes) -> dict[str, Any]:
    """The fields of a JSON object; raises `BadInput` for anything else."""
    try:
        given = read(raw)
    except (ValueError, UnicodeDecodeError) as error:
        raise BadInput(f"The body is not valid JSON: {error}.", code="bad_json", status=400) from error
    if not isinstance(given, dict):
        raise BadInput("The body must be a JSON object.", code="bad_json", status=400)
    return _plain(given)


def _plain(args: dict[str, Any]) -> dict[str, Any]:
    odd = next((name for name in args if name != name.lower() or not name.isascii()), None)
    if odd is not None:
        raise BadInput(f"There is no field {odd[:60]!r}. Fields are written like run_id.", code="bad_field", status=400)
    if args.get("run_id") and args.get("run_uuid") and args["run_id"] != args["run_uuid"]:
        raise BadInput("run_id and run_uuid name different runs.", code="bad_field", status=400)
    for name, most in LONGEST.items():
        if isinstance(args.get(name), str) and len(args[name]) > most:
            raise BadInput(f"{name}: This may have at most {most} characters.", code="too_long", status=400)
    return args
