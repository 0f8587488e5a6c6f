"""The form of how an endpoint serves: a field for each limit, from the same table as the verb's own check."""

from typing import Any

from django import forms

from deployments.models import ServingSettings
from deployments.policies import serving_limits as policy
from portal.accounts.acting import OnceForm


class Typed(forms.IntegerField):
    """A whole number, or else what was typed: what can be is said by the policy, of all fields at once."""

    def to_python(self, value: Any) -> Any:
        try:
            return super().to_python(value)
        except forms.ValidationError:
            return value


def _field(member: policy.Member) -> forms.IntegerField:
    return Typed(
        label=f"{member.label} ({member.unit})" if member.unit else member.label,
        required=False,
        help_text=member.told,
        widget=forms.NumberInput(attrs={"min": member.least, "max": member.most}),
    )


class ServingForm(OnceForm):
    """An empty field is what holds unless said, as the help of each says."""

    says_optional = False

    names_versions = forms.BooleanField(
        label="Answers name their version",
        required=False,
        help_text="The headers x-served-version, x-served-revision and x-served-arm go out to callers.",
    )

    def __init__(self, *args: Any, held: ServingSettings, **kwargs: Any) -> None:
        known = policy.given_of(held.limits) | {"names_versions": held.names_versions}
        super().__init__(*args, initial=known, **kwargs)
        for name, member in policy.MEMBERS.items():
            self.fields[name] = _field(member)

    @property
    def limits(self) -> list[Any]:
        """The fields of the limits, for the page."""
        return [self[name] for name in policy.MEMBERS]

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        given = {name: found[name] for name in policy.MEMBERS if found.get(name) is not None}
        for name, text in policy.wrong(given).items():
            self.add_error(name, text)
        return found | {"limits": given}
