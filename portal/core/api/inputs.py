"""What the API takes: exactly the members of a shape; an unknown one is refused by name."""

from typing import Any

from rest_framework import serializers


def _no_text(field: Any, value: Any) -> bool:
    """Whether a number or a boolean stands where text is meant; the library would quietly take it."""
    return isinstance(field, serializers.CharField) and value is not None and not isinstance(value, str)


class Strict(serializers.Serializer[Any]):
    """Refuses members it does not know, so that a misspelt one is not silently ignored."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            unknown = sorted(set(data) - set(self.fields))
            if unknown:
                known = ", ".join(self.fields)
                raise serializers.ValidationError(dict.fromkeys(unknown, f"Not known here. Known: {known}."))
            wrong = [name for name, value in data.items() if _no_text(self.fields[name], value)]
            if wrong:
                raise serializers.ValidationError(dict.fromkeys(wrong, "This must be text."))
        else:
            raise serializers.ValidationError({"body": "Send one JSON object."})
        return super().to_internal_value(data)


def read_input(serializer: type[Strict], data: Any, *, partial: bool = False) -> dict[str, Any]:
    """The validated members; raises DRF's ValidationError, which names each wrong field.

    With `partial` only the members that were sent, none of them required.
    """
    found = serializer(data=data, partial=partial)
    found.is_valid(raise_exception=True)
    return dict(found.validated_data)
