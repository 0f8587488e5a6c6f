"""The form of a whole policy: who approves, how long things live, and each gate with its limits as fields.

What the form does not show (members that other parts of the product read) is kept as it is.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.forms import BaseFormSet

from deployments.gates import catalogue
from deployments.gates.catalogue import Gate
from deployments.models import Environment
from deployments.policies import documents
from deployments.policies.rules import STEP_UP_METHODS
from portal.accounts.acting import OnceForm
from portal.accounts.models import Team
from portal.accounts.roles import Role
from portal.accounts.stepup import WORDS
from portal.core.errors import PortalError
from registry.models import RiskTier

Json = dict[str, Any]
PARTS = ("freezes", "bypass")
"""Members that are shown as text; each may be left out."""

NUMBERS = ("request_days", "approval_hours", "warm_hours", "step_up")
WHY = {"label": "Why", "required": False, "max_length": 4000, "help_text": "Whoever approves reads this first."}


def _part(label: str, help_text: str) -> forms.CharField:
    """A part of the rules as text."""
    area = forms.Textarea(attrs={"rows": 6, "spellcheck": "false", "class": "mono"})
    return forms.CharField(label=label, required=False, max_length=20_000, help_text=help_text, widget=area)


class NewChangeForm(OnceForm):
    """Which policy is to be changed; a tier without one of its own gets one."""

    environment = forms.ModelChoiceField(Environment.objects.all(), to_field_name="name", empty_label=None)
    tier = forms.ChoiceField(
        label="Risk tier", required=False, choices=[("", "All tiers without a policy of their own"), *RiskTier.choices]
    )


class RulesForm(OnceForm):
    """`seen` is the digest of the draft the page showed; fields of gates are added from the catalogue."""

    seen = forms.CharField(widget=forms.HiddenInput, max_length=80)
    request_days = forms.IntegerField(label="A request lapses after (days)", min_value=1, max_value=90)
    approval_hours = forms.IntegerField(label="An approval lapses after (hours)", min_value=1, max_value=720)
    warm_hours = forms.IntegerField(label="The former champion stays warm for (hours)", min_value=1, max_value=720)
    wait_minutes = forms.IntegerField(
        label="A rollout waits after the last approval (minutes)", min_value=0, max_value=10_080, initial=0
    )
    freezes = _part("Freeze calendar", "A list as YAML or JSON; empty: promotions start at any time.")
    bypass = _part("Who may bypass", "An object with by and hours, as YAML or JSON; empty: nobody can bypass a gate.")
    step_up = forms.MultipleChoiceField(
        label="What counts as a second look",
        choices=[(method, WORDS[method].capitalize()) for method in STEP_UP_METHODS],
        widget=forms.CheckboxSelectMultiple,
    )
    why = forms.CharField(**WHY, widget=forms.Textarea(attrs={"rows": 3}))  # type: ignore[arg-type]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for gate in catalogue.GATES.values():
            self.fields[f"gate-{gate.code}"] = forms.BooleanField(label=gate.label, required=False)
            for member in gate.members:
                self.fields[f"gate-{gate.code}-{member}"] = forms.CharField(
                    label=member, required=False, max_length=2000, strip=True
                )

    @property
    def gates(self) -> list[tuple[Gate, Any, list[Any]]]:
        """Each gate with its switch and the fields of its limits, for the page."""
        return [
            (gate, self[f"gate-{gate.code}"], [self[f"gate-{gate.code}-{member}"] for member in gate.members])
            for gate in catalogue.GATES.values()
        ]

    def as_gates(self) -> Json:
        """The gates that are switched on with the limits that were filled in."""
        found: Json = {}
        for gate in catalogue.GATES.values():
            if self.cleaned_data[f"gate-{gate.code}"]:
                given = {member: self.cleaned_data[f"gate-{gate.code}-{member}"] for member in gate.members}
                found[gate.code] = {member: plain(text) for member, text in given.items() if text != ""}
        return found

    def take(self, error: PortalError) -> None:
        """Members such as `gates.quality.metric` or `freezes[0].to` are named beside their fields, of several each with
        its own sentence."""
        if not any(_field_of(name) in self.fields for name in error.fields):
            super().take(error)
            return
        for name, text in error.fields.items():
            said = f"{name} {text.removesuffix('.')}." if len(error.fields) > 1 else error.message
            self.add_error(field if (field := _field_of(name)) in self.fields else None, said)


def _field_of(member: str) -> str:
    """The field of the form that shows a member of the rules."""
    shown = next((part for part in PARTS if member.startswith(part)), "")
    return shown or member.replace("gates.", "gate-", 1).replace(".", "-")


class TextForm(OnceForm):
    """The rules as YAML, for those who know them; members the other form does not show are changed here."""

    seen = forms.CharField(widget=forms.HiddenInput(attrs={"id": False}), max_length=80)
    rules = forms.CharField(
        label="The rules as YAML or JSON",
        max_length=documents.LONGEST,
        widget=forms.Textarea(attrs={"rows": 24, "spellcheck": "false", "class": "mono"}),
    )
    why = forms.CharField(**WHY, widget=forms.Textarea(attrs={"rows": 3}))  # type: ignore[arg-type]

    def take(self, error: PortalError) -> None:
        self.add_error("rules", error.message)


class ApprovalRow(forms.Form):
    """One rule. A row left as it was shown empty is no rule; one that is ticked is left out."""

    name = forms.CharField(label="Rule", max_length=80)
    role = forms.ChoiceField(label="Role", choices=Role.choices, initial=Role.ML_LEAD)
    team = forms.ModelChoiceField(
        Team.objects.order_by("name"), to_field_name="slug", required=False, empty_label="The owning team"
    )
    count = forms.IntegerField(label="People", min_value=1, max_value=9, initial=1)

    def as_rule(self) -> Json | None:
        found = self.cleaned_data
        if not found.get("name") or found.get("DELETE"):
            return None
        team = found.get("team")
        return {
            "name": found["name"],
            "role": found["role"],
            "team": team.slug if team else None,
            "count": found["count"],
        }


ApprovalRows = forms.formset_factory(ApprovalRow, extra=2, max_num=9, can_delete=True)


class RetireForm(OnceForm):
    why = forms.CharField(**WHY, widget=forms.Textarea(attrs={"rows": 3}))  # type: ignore[arg-type]


class SeenForm(OnceForm):
    seen = forms.CharField(widget=forms.HiddenInput(attrs={"id": False}), max_length=80)


class SignForm(SeenForm):
    """Approving; the secrets of the second look are read beside it and kept nowhere."""

    comment = forms.CharField(
        label="Comment",
        required=False,
        max_length=4000,
        help_text="It stays with the version.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class RejectForm(SeenForm):
    comment = forms.CharField(
        label="Reason",
        max_length=4000,
        help_text="Who proposed it reads it.",
        widget=forms.Textarea(attrs={"rows": 3, "id": "id_reject_comment"}),
    )


def plain(text: str) -> Any:
    """What was typed as a number, true, false or a list is one; everything else is text."""
    try:
        found = json.loads(text)
    except ValueError:
        return text
    return text if found is None or isinstance(found, str) else found


def initial(content: Mapping[str, Any], digest: str, why: str) -> Json:
    """The rules as the fields of `RulesForm`."""
    found: Json = {name: content.get(name) for name in NUMBERS} | {"seen": digest, "why": why}
    found["wait_minutes"] = content.get("wait_minutes", 0)
    found |= {name: documents.dump(content[name]) for name in PARTS if content.get(name)}
    for code, limits in content.get("gates", {}).items():
        found[f"gate-{code}"] = True
        for member, value in limits.items():
            found[f"gate-{code}-{member}"] = value if isinstance(value, str) else json.dumps(value)
    return found


def content(base: Mapping[str, Any], form: RulesForm, rows: "BaseFormSet[ApprovalRow] | Iterable[Any]") -> Json:
    """The rules the form describes, on top of what it does not show."""
    approvals = [rule for rule in (row.as_rule() for row in rows) if rule is not None]
    found = {**base, **{name: form.cleaned_data[name] for name in NUMBERS}, "approvals": approvals}
    parts = {name: documents.load(form.cleaned_data[name], name) for name in PARTS}
    optional = {"gates": form.as_gates(), "wait_minutes": form.cleaned_data["wait_minutes"], **parts}
    kept = {name: value for name, value in found.items() if name not in optional}
    return kept | {name: value for name, value in optional.items() if value}
