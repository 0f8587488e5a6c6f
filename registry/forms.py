"""The shape of what people type about data sets. Rules and rights are asked by the services."""

import json
from typing import Any

from django import forms

from portal.accounts import access
from portal.accounts.acting import OnceForm
from portal.accounts.models import Person, Team
from portal.accounts.permissions import Permission
from portal.core.actors import Actor
from registry.datasets.files import S3_ADDRESS


class Described(OnceForm):
    """What can be changed about a data set later."""

    description = forms.CharField(
        label="What it holds", required=False, max_length=5000, widget=forms.Textarea(attrs={"rows": 4})
    )
    licence = forms.CharField(required=False, max_length=120, help_text="Such as CC0-1.0, or a contract's number.")
    retention_days = forms.IntegerField(
        label="Kept for (days)", required=False, min_value=1, max_value=36_500, help_text="Empty: without an end."
    )


class DataSetForm(Described):
    name = forms.CharField(max_length=200, help_text="Letters, digits, dots, hyphens; it stays.")
    team = forms.ModelChoiceField(Team.objects.none(), to_field_name="slug", empty_label=None)
    field_order = ("name", "team")

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        teams = Team.objects.order_by("name")
        allowed = [team.pk for team in teams if access.may(actor, Permission.DATA_REGISTER, team.pk)]
        self.fields["team"].queryset = teams.filter(pk__in=allowed)  # type: ignore[attr-defined]


class DescribeForm(Described):
    owner = forms.ModelChoiceField(Person.objects.filter(is_active=True).order_by("name"), required=False)


class VersionForm(OnceForm):
    """One place the data comes from: a file, a folder of the workers' host, S3, or the input of a run."""

    SOURCES = (("upload", "A file"), ("folder", "A folder"), ("s3", "S3"), ("run", "A run's input"))
    source = forms.ChoiceField(label="Where the data is", choices=SOURCES, widget=forms.RadioSelect, initial="upload")
    file = forms.FileField(
        required=False,
        help_text="CSV or Parquet. Up to 20 GiB, and a lost connection goes on; without script about 2 MB.",
        widget=forms.FileInput(attrs={"accept": ".csv,.parquet"}),
    )
    upload = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)
    folder = forms.CharField(required=False, max_length=1000, help_text="A path on the host of the workers.")
    s3 = forms.RegexField(
        S3_ADDRESS, label="S3 address", required=False, max_length=1000, help_text="Such as s3://bucket/prefix.",
        error_messages={"invalid": "An S3 address looks like s3://bucket/prefix."},
    )  # fmt: skip
    run = forms.CharField(label="Run", required=False, max_length=64, help_text="The id MLflow gave the run.")
    input = forms.CharField(required=False, max_length=500, help_text="Its name, when the run has several.")
    note = forms.CharField(required=False, max_length=500, help_text="What is new in it.")

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or {}
        kind = found.get("source", "")
        if kind == "upload":
            if not (found.get("file") or found.get("upload")):
                self.add_error("file", "Choose a file.")
        elif kind and not found.get(kind) and kind not in self.errors:
            self.add_error(kind, "Say where the data is.")
        return found

    def given(self) -> dict[str, Any]:
        """Only what belongs to the chosen source."""
        kind = self.cleaned_data["source"]
        wanted = (kind, "input") if kind == "run" else (kind,)
        return {name: self.cleaned_data[name] for name in wanted if self.cleaned_data[name]}


class ChecksForm(OnceForm):
    checks = forms.CharField(
        label="Checks",
        max_length=200_000,
        help_text="A JSON list; the rules stand beside it.",
        widget=forms.Textarea(attrs={"rows": 18, "spellcheck": "false", "class": "mono"}),
    )
    why = forms.CharField(label="Why they change", max_length=500)

    def clean_checks(self) -> Any:
        try:
            return json.loads(self.cleaned_data["checks"])
        except ValueError as error:
            raise forms.ValidationError(f"This is not JSON: {error}.") from error


class ArchiveForm(OnceForm):
    why = forms.CharField(label="Why nobody should use it any more", max_length=500)


class CardForm(OnceForm):
    """The text of one section of a model card; `seen` is the digest of what its author read."""

    text = forms.CharField(max_length=20_000, widget=forms.Textarea(attrs={"rows": 10}))
    seen = forms.CharField(required=False, max_length=80, widget=forms.HiddenInput)
