"""What the API takes: exactly the members of a shape; an unknown one is refused by name."""

from typing import Any

from rest_framework import serializers


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


def read_input(serializer: type[Strict], data: Any, *, partial: bool = False) -> dict[str, Any]:
    """The validated members; raises DRF's ValidationError, which names each wrong field.

    With `partial` only the members that were sent, none of them required.
    """
    found = serializer(data=data, partial=partial)
    found.is_valid(raise_exception=True)
    return dict(found.validated_data)
