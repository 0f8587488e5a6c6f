"""The shape of what the pages of bypasses send."""

from typing import Any

from django import forms

from portal.accounts.acting import OnceForm

TEXT = 4000
OUTCOMES = [("upheld", "It was right"), ("not_upheld", "It was not right")]


def _area(label: str, help_text: str = "", *, required: bool = True) -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": 3})
    return forms.CharField(label=label, max_length=TEXT, required=required, help_text=help_text, widget=widget)


class TypedName(OnceForm):
    """A form that is only sent by somebody who typed the endpoint's name."""

    seen = forms.CharField(widget=forms.HiddenInput, max_length=80)
    exact = forms.CharField(max_length=60, widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}))

    def __init__(self, *args: Any, endpoint: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.endpoint = endpoint
        self.fields["exact"].label = f"Type {endpoint} to confirm"

    def clean_exact(self) -> str:
        typed: str = self.cleaned_data["exact"].strip()
        if typed != self.endpoint:
            raise forms.ValidationError(f"Type the endpoint's name exactly: {self.endpoint}.")
        return typed


class AskBypassForm(TypedName):
    """Which gates, why, for how long."""

    gates = forms.MultipleChoiceField(widget=forms.CheckboxSelectMultiple, label="Bypass")
    reason = _area("Reason", "Everybody who is told of the bypass reads it, and so does the review.")
    hours = forms.IntegerField(label="It runs out after (hours)", min_value=1)

    def __init__(self, *args: Any, gates: list[dict[str, str]], hours: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        named, longest = self.fields["gates"], self.fields["hours"]
        assert isinstance(named, forms.MultipleChoiceField)
        named.choices = [(gate["code"], gate["label"]) for gate in gates]
        named.error_messages["required"] = "Tick what is to be bypassed."
        longest.initial, longest.help_text = hours, f"{hours} at most, from now on."
        longest.widget.attrs["max"] = hours


class GrantBypassForm(TypedName):
    """The grant itself; the secrets of the second look are read beside it and kept nowhere."""

    comment = _area("Comment", "Optional. It goes to the audit log.", required=False)


class RefuseBypassForm(OnceForm):
    comment = _area("Why not", "Who asked reads it.")


class ReviewForm(OnceForm):
    outcome = forms.ChoiceField(choices=OUTCOMES, widget=forms.RadioSelect, label="Looking back")
    comment = _area("Why", "It stays with the bypass.")
