"""Turning what models take and give into plain JSON: no NaN, no numpy, nothing that a strict parser refuses."""

import base64
import datetime as dt
import json
import math
from typing import Any

import numpy as np
import pandas as pd


def dumps(value: Any) -> bytes:
    """JSON in UTF-8 without spaces. What is not a number (NaN, infinity) becomes null."""
    try:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_plain).encode()
    except ValueError:
        return json.dumps(_finite(value), separators=(",", ":"), ensure_ascii=False, default=str).encode()


def jsonable(value: Any) -> Any:
    """A model's answer as plain lists and dicts; tables become a list of records, as MLflow answers."""
    if isinstance(value, pd.DataFrame):
        return value.to_dict(orient="records")
    if isinstance(value, pd.Series | pd.Index | np.ndarray):
        return value.tolist()
    if isinstance(value, dict):
        return {str(k): jsonable(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(v) for v in value]
    return value


def _plain(value: Any) -> Any:
    """What json itself does not know."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, pd.DataFrame | pd.Series | pd.Index | np.ndarray):
        return jsonable(value)
    if value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, set | frozenset):
        return list(value)
    return str(value)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(k): _finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    if value is None or isinstance(value, str | int):
        return value
    return _finite(_plain(value))
