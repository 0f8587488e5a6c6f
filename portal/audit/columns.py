"""What an event holds of a row's columns."""

from collections.abc import Mapping
from typing import Any

from django.db import models

from portal.audit import recorder


def recorded(row: models.Model, columns: Mapping[str, Any]) -> dict[str, Any]:
    """These values of columns of `row`, as canonical JSON can hold them.

    What stands in a `TextField` is people's words and may name people: it enters as a commitment whose value stands in
    the vault, so that it can be erased.
    """
    return {name: _words(value) if _is_text(row, name) else _plain(value) for name, value in columns.items()}


def _is_text(row: models.Model, name: str) -> bool:
    return isinstance(row._meta.get_field(name), models.TextField)


def _words(value: Any) -> dict[str, str] | None:
    return recorder.commit_value(str(value or ""))


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, models.Model):
        return str(value.pk)
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
