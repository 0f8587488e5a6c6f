"""What the API takes: exactly the members of a shape; an unknown one is refused by name."""

import functools
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from rest_framework import serializers
from rest_framework.fields import SkipField, empty

from portal.core.errors import PortalError, gathered

Sent = Mapping[str, Any]
Look = Callable[[Sent], object]
"""Looks closer at a member, given those of the right form; raises `PortalError` for what cannot be."""


def _no_text(field: Any, value: Any) -> bool:
    """Whether a number or a boolean stands where text is meant; the library would quietly take it."""
    return isinstance(field, serializers.CharField) and value is not None and not isinstance(value, str)


class Strict(serializers.Serializer[Any]):
    """Refuses members it does not know, so that a misspelt one is not silently ignored, together with whatever else is
    wrong."""

    def get_fields(self) -> dict[str, Any]:
        found = super().get_fields()
        for field in found.values():
            if isinstance(field, serializers.ChoiceField):
                field.error_messages["invalid_choice"] = f"This must be one of: {', '.join(map(str, field.choices))}."
        return found

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, dict):
            raise serializers.ValidationError({"body": "Send one JSON object."})
        known = f"Not known here. Known: {', '.join(self.fields)}."
        wrong: dict[str, Any] = dict.fromkeys(sorted(set(data) - set(self.fields)), known)
        wrong |= {
            name: "This must be text."
            for name, value in data.items()
            if name in self.fields and _no_text(self.fields[name], value)
        }
        try:
            found = super().to_internal_value(data)
        except serializers.ValidationError as error:
            wrong = {**error.detail, **wrong} if isinstance(error.detail, dict) else wrong
        if wrong:
            raise serializers.ValidationError(wrong)
        return found


def read_input(
    serializer: type[Strict], data: Any, looks: Mapping[str, Look] | None = None, *, partial: bool = False
) -> dict[str, Any]:
    """The validated members; raises DRF's ValidationError, which names each wrong field.

    With `partial` only the members that were sent, none of them required. `looks` look closer at members of the right
    form: what they raise is told with the rest, and as they raised it where nothing else is wrong.
    """
    found = serializer(data=data, partial=partial)
    found.is_valid()
    if not looks:
        found.is_valid(raise_exception=True)
        return dict(found.validated_data)
    sound = _sound(found, data) if found.errors else dict(found.validated_data)
    closer = [functools.partial(_told, name, look, sound) for name, look in looks.items() if name in sound]
    try:
        gathered(*closer)
    except PortalError as error:
        if found.errors:
            raise serializers.ValidationError({**found.errors, **error.fields}) from error
        raise
    found.is_valid(raise_exception=True)
    return dict(found.validated_data)


def _sound(found: Strict, data: Any) -> dict[str, Any]:
    """The members that are as they should be, of a body in which others are not."""
    sound: dict[str, Any] = {}
    for name, field in found.fields.items() if isinstance(data, dict) else ():
        if name not in found.errors:
            with suppress(serializers.ValidationError, SkipField):
                sound[name] = field.run_validation(data.get(name, empty))
    return sound


def _told(name: str, look: Look, sound: Sent) -> None:
    """Have what `look` raises name a field, with the sentence that people read."""
    try:
        look(sound)
    except PortalError as error:
        if len(error.fields) < 2:
            error.fields = {next(iter(error.fields), name): error.message}
        raise
