"""The shape of what people type. Rules and rights are asked by the services."""

from typing import Any

from django import forms
from django.http import HttpRequest

from portal.accounts import stepup
from portal.accounts.models import Person, Team
from portal.accounts.permissions import SCOPES
from portal.accounts.policies.credentials import DEFAULT_DAYS, MAX_DAYS
from portal.accounts.roles import Role
from portal.core.actors import Actor

SCOPE_WORDS = {
    "read": "Read models, endpoints, people and teams",
    "mlflow": "Log runs and register models with MLflow's client",
    "data": "Register data sets and their checks",
    "evaluate": "Run evaluations",
    "batch_predict": "Run batch predictions and take their files",
    "promote": "Ask for promotions and comment on them",
    "rollback": "Roll an endpoint back to its former champion",
    "rollouts": "Pause, resume and abort rollouts, and write their plans",
    "predict": "Try an endpoint",
    "endpoints": "Create endpoints",
    "keys": "Make and revoke the keys of an endpoint's callers",
    "ground_truth": "Report what became true of predictions",
    "policies": "Draft and propose policies",
    "audit": "Read and export the audit log",
}


class StepUpForm(forms.Form):
    """The fields of `accounts/_step_up.html`, beside those of the decision. Valid only if the look succeeded.

    `methods` are those the decision allows; a person without any of them is told how to get one.
    """

    step_up_password = forms.CharField(
        label="Your password",
        required=False,
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    step_up_code = forms.CharField(
        label="One-time code",
        required=False,
        max_length=12,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )
    step_up_credential = forms.CharField(required=False, max_length=20_000, widget=forms.HiddenInput)

    FIELDS = {"password": "step_up_password", "totp": "step_up_code", "passkey": "step_up_credential"}

    def __init__(
        self,
        data: Any = None,
        *,
        request: HttpRequest,
        actor: Actor,
        binding: str,
        methods: tuple[str, ...] = stepup.METHODS,
    ) -> None:
        super().__init__(data, prefix=None)
        self.request, self.actor, self.binding = request, actor, binding
        own = stepup.available(Person.objects.get(pk=actor.person_id or 0))
        self.wanted = list(methods)
        self.usable = [method for method in methods if method in own]
        for method, name in self.FIELDS.items():
            if method not in self.usable:
                del self.fields[name]
            elif len(self.usable) == 1:
                self.fields[name].required = True

    @property
    def passkey(self) -> bool:
        return "passkey" in self.usable

    @property
    def wanted_words(self) -> str:
        return stepup.in_words(self.wanted)

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or {}
        given = next(((m, found[self.FIELDS[m]]) for m in reversed(self.usable) if found.get(self.FIELDS[m])), None)
        if given is None:
            raise forms.ValidationError(f"Confirm that it is you, by {stepup.in_words(self.usable or self.wanted)}.")
        method, secret = given
        wrong = stepup.try_method(
            request=self.request, actor=self.actor, method=method, secret=secret, binding=self.binding
        )
        if wrong:
            self.add_error(self.FIELDS[method], wrong)
        return found


class ProfileForm(forms.Form):
    name = forms.CharField(label="Name", max_length=120)


class PreferencesForm(forms.Form):
    theme = forms.ChoiceField(choices=Person.THEMES, required=False)
    density = forms.ChoiceField(choices=Person.DENSITIES, required=False)
    shortcuts = forms.ChoiceField(choices=[("on", "On"), ("off", "Off")], required=False)

    def given(self) -> dict[str, str | bool]:
        """Only what was sent, so that a single switch changes nothing else."""
        found: dict[str, str | bool] = {k: self.cleaned_data[k] for k in ("theme", "density") if self.cleaned_data[k]}
        if self.cleaned_data["shortcuts"]:
            found["shortcuts"] = self.cleaned_data["shortcuts"] == "on"
        return found


def team_field(label: str, *, empty: str) -> Any:
    """A choice of team by its slug; `choose_team` says which ones."""
    return forms.ModelChoiceField(
        Team.objects.none(), to_field_name="slug", label=label, required=False, empty_label=empty
    )


class InviteForm(forms.Form):
    email = forms.EmailField(label="E-mail address", widget=forms.EmailInput(attrs={"autocomplete": "off"}))
    role = forms.ChoiceField(label="First role", choices=Role.choices)
    team = team_field("Team", empty="Everywhere")

    def __init__(self, data: Any = None, *, teams: Any, everywhere: bool) -> None:
        super().__init__(data)
        choose_team(self.fields["team"], teams, everywhere)


class GrantForm(forms.Form):
    role = forms.ChoiceField(label="Role", choices=Role.choices)
    team = team_field("Team", empty="Everywhere")

    def __init__(self, data: Any = None, *, teams: Any, everywhere: bool) -> None:
        super().__init__(data)
        choose_team(self.fields["team"], teams, everywhere)


def choose_team(field: Any, teams: Any, everywhere: bool) -> None:
    """Offer these teams, and "Everywhere" only to those who may grant that."""
    field.queryset = teams
    if not everywhere:
        field.required, field.empty_label = True, None


class JoinForm(forms.Form):
    email = forms.EmailField(label="E-mail address", widget=forms.EmailInput(attrs={"autocomplete": "username"}))
    name = forms.CharField(label="Name", max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    password = forms.CharField(
        label="Password",
        strip=False,
        max_length=4096,
        help_text="At least 12 characters.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    again = forms.CharField(
        label="The same password again",
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, data: Any = None, *, known_email: str, name: str = "") -> None:
        super().__init__(data, initial={"name": name})
        if known_email:
            del self.fields["email"]

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or {}
        if found.get("password") and found.get("again") and found["password"] != found["again"]:
            self.add_error("again", "The two passwords differ.")
        return found


class TeamForm(forms.Form):
    name = forms.CharField(label="Name", max_length=120)


class TokenForm(forms.Form):
    name = forms.CharField(label="Name", max_length=80, help_text="Where it will be used, for example laptop.")
    scopes = forms.MultipleChoiceField(
        label="What it may do",
        choices=[(scope, SCOPE_WORDS[scope]) for scope in SCOPES],
        widget=forms.CheckboxSelectMultiple,
        help_text="At most what its owner may do at that moment.",
    )
    team = team_field("Only for the team", empty="Any team")
    days = forms.IntegerField(
        label="Days it lives", min_value=1, max_value=MAX_DAYS, initial=DEFAULT_DAYS, help_text=f"{MAX_DAYS} at most."
    )

    def __init__(self, data: Any = None, *, teams: Any) -> None:
        super().__init__(data)
        choose_team(self.fields["team"], teams, True)


class RotateForm(forms.Form):
    overlap_hours = forms.IntegerField(
        label="Hours the old one goes on", min_value=0, max_value=24, initial=24, help_text="0 ends it at once."
    )
    days = forms.IntegerField(
        label="Days the new one lives",
        min_value=1,
        max_value=MAX_DAYS,
        initial=DEFAULT_DAYS,
        help_text=f"{MAX_DAYS} at most.",
    )


class ServiceAccountForm(forms.Form):
    name = forms.SlugField(label="Name", max_length=60, help_text="For example train-nightly. It stays for ever.")
    description = forms.CharField(label="What it is for", max_length=300, required=False)
    responsible = forms.ModelChoiceField(Person.objects.none(), label="Who answers for it")

    def __init__(self, data: Any = None, *, people: Any, existing: bool = False, initial: Any = None) -> None:
        super().__init__(data, initial=initial)
        responsible: Any = self.fields["responsible"]
        responsible.queryset = people
        if existing:
            del self.fields["name"]


class DisableForm(forms.Form):
    reason = forms.CharField(label="Why (optional, for the log)", required=False, max_length=2000)
