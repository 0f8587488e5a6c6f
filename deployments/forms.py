"""The shape of what pages send. What is allowed is asked of the verbs; here stands only what can be read at all."""

from typing import Any

from django import forms

from deployments.models import Environment
from deployments.policies import asking, conditions
from deployments.policies.rollback import REASONS
from deployments.policies.steering import ABORT_REASONS
from portal.accounts.acting import OnceForm
from portal.accounts.policies.credentials import DEFAULT_DAYS, MAX_DAYS
from portal.core.errors import PortalError

TEXT = 4000


def _text(label: str, *, required: bool, help_text: str = "", rows: int = 3, wrong: str = "") -> forms.CharField:
    """`wrong` is one sentence for whatever is wrong with it."""
    return forms.CharField(
        error_messages=dict.fromkeys(("required", "max_length"), wrong) if wrong else None,
        label=label,
        required=required,
        max_length=TEXT,
        help_text=help_text,
        widget=forms.Textarea(attrs={"rows": rows}),
    )


class AskForm(OnceForm):
    """Ask for a promotion."""

    model = forms.CharField(widget=forms.HiddenInput, max_length=250)
    version = forms.IntegerField(widget=forms.HiddenInput, min_value=1, max_value=2**31 - 1)
    environment = forms.CharField(widget=forms.HiddenInput, max_length=40)
    plan = forms.ChoiceField(
        label="Rollout plan",
        required=False,
        help_text="How the traffic moves once it is approved. The approvals are for this plan.",
    )
    supersede = forms.BooleanField(
        label="Supersede the rollout under way",
        required=False,
        help_text="It is aborted when you send this, and all traffic goes back to the champion.",
    )
    why = _text(
        "Why",
        required=True,
        rows=6,
        wrong=asking.WHY,
        help_text="Reviewers read this first: what is better, how you know, what could go wrong.",
    )

    def __init__(self, *args: Any, plans: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["plan"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = plans


DECISIONS = [("approve", "Approve"), ("changes", "Request changes"), ("reject", "Reject")]


class DecisionForm(OnceForm):
    """Approve, request changes or reject, on the evidence the page showed. `checks` need a tick each to approve."""

    seen = forms.CharField(widget=forms.HiddenInput, max_length=80)
    decision = forms.ChoiceField(choices=DECISIONS, widget=forms.RadioSelect, label="Your decision")
    looked_at = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)
    comment = _text("Reason", required=False)
    most_weight = forms.IntegerField(label="Up to (%)", required=False, min_value=1, max_value=99)
    amount = forms.IntegerField(label="until", required=False, min_value=1)
    unit = forms.ChoiceField(choices=list(conditions.UNITS.items()), required=False, label="of")

    def __init__(self, *args: Any, checks: list[dict[str, Any]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.checks = checks
        field = self.fields["looked_at"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [(check["code"], check["label"]) for check in checks]

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if found.get("decision") == "approve":
            self._ticked(found.get("looked_at", []))
            found["condition"] = self._condition(found)
        elif found.get("decision") and not found.get("comment", "").strip():
            self.add_error("comment", "Say what has to change, or why not. Who asked reads it.")
        return found

    def _condition(self, found: dict[str, Any]) -> dict[str, Any] | None:
        """The condition as data, if its fields were filled in; both of them are needed for one."""
        weight, amount = found.get("most_weight"), found.get("amount")
        if weight is None and amount is None:
            return None
        given = {"most_weight": weight, "until": {found.get("unit") or "labels": amount}}
        try:
            read = conditions.parse(given)
        except PortalError as error:
            self.add_error("most_weight" if "condition.most_weight" in error.fields else "amount", error.message)
            return None
        return read.data if read else None

    def _ticked(self, looked_at: list[str]) -> None:
        missing = [check["label"] for check in self.checks if check["code"] not in looked_at]
        if missing:
            self.add_error("looked_at", f"Look at each warning and tick it before you approve: {', '.join(missing)}.")


class SignForm(OnceForm):
    """The approval itself; the secrets of the second look are read beside it and kept nowhere."""

    seen = forms.CharField(widget=forms.HiddenInput, max_length=80)
    comment = forms.CharField(widget=forms.HiddenInput, required=False, max_length=TEXT)
    condition = forms.JSONField(widget=forms.HiddenInput, required=False)


class WithdrawForm(OnceForm):
    reason = _text("Reason", required=False, help_text="Optional. It stays with the request.")


class ResubmitForm(OnceForm):
    """Send a request again, by the plan it has (`kept` in words) or another one of `plans`."""

    plan = forms.ChoiceField(label="Rollout plan", required=False)
    why = _text(
        "What changed",
        required=True,
        wrong=asking.WHY,
        help_text="Earlier approvals do not count for the new evidence.",
    )

    def __init__(self, *args: Any, kept: str, plans: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["plan"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", f"As it was: {kept}"), *plans]


class DossierForm(OnceForm):
    since = forms.IntegerField(
        label="Events of your checkpoint",
        required=False,
        min_value=1,
        max_value=2**53 - 1,
        help_text="The second line of a checkpoint you keep. Leave it empty if you keep the first one.",
    )


class CommentForm(OnceForm):
    text = forms.CharField(
        label="Add a comment",
        max_length=8000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Comments are never part of what is signed.",
    )


class RollbackForm(OnceForm):
    """`expect_generation` is the traffic the page showed."""

    expect_generation = forms.IntegerField(widget=forms.HiddenInput, min_value=0)
    reason_code = forms.ChoiceField(label="Why", choices=list(REASONS.items()), widget=forms.RadioSelect)
    note = _text("Note", required=False, help_text="It goes to the audit log.")


class ReleaseForm(OnceForm):
    """Let programs promote again after a rollback."""

    reason = _text("Why programs may promote here again", required=True, help_text="It goes to the audit log.")


class DrillHoursForm(OnceForm):
    hours = forms.IntegerField(label="Hours between two drills", min_value=0, help_text="0 for none.")


class PauseForm(OnceForm):
    """Keep the weights of a rollout as they are."""

    reason = _text("Why", required=False, help_text="It stands beside the pause, and goes to the audit log.")


SEEN = {"required": "Press the button on the page: it says what you saw."}


class ResumeForm(OnceForm):
    """Go on after a pause; step and code of the pause are those the page showed."""

    expect_step = forms.IntegerField(widget=forms.HiddenInput, min_value=0, max_value=1000, error_messages=SEEN)
    expect_pause = forms.CharField(widget=forms.HiddenInput, max_length=40, error_messages=SEEN)


class AbortForm(OnceForm):
    """End a rollout under way."""

    reason_code = forms.ChoiceField(label="Why", choices=list(ABORT_REASONS.items()), widget=forms.RadioSelect)
    note = _text("Note", required=False, help_text="It goes to the audit log.")


class AdvanceForm(OnceForm):
    """Go on early; `expect_step` is where the page saw the rollout."""

    expect_step = forms.IntegerField(widget=forms.HiddenInput, min_value=0, max_value=1000)
    reason = _text("Why", required=True, help_text="It goes to the audit log.")

    def for_two(self) -> None:
        """Say who else reads the reason, where another person has to agree yet."""
        self.fields["reason"].help_text = "It goes to the audit log, and to whoever has to agree."


class TryForm(forms.Form):
    """Without a longest length: a browser would cut what is pasted and send the rest, which is no JSON any more."""

    payload = forms.CharField(
        label="Request body",
        widget=forms.Textarea(attrs={"rows": 10, "spellcheck": "false", "class": "mono"}),
    )


class KeyForm(forms.Form):
    name = forms.CharField(label="Who calls with it", max_length=80, help_text="For example check-in desk, staging.")
    days = forms.IntegerField(
        label="Days it lives", min_value=1, max_value=MAX_DAYS, initial=DEFAULT_DAYS, help_text=f"{MAX_DAYS} at most."
    )


class PlanChoiceForm(OnceForm):
    """The plan of requests that name none."""

    plan = forms.ChoiceField(label="Rollout plan", help_text="Requests that were sent keep theirs.")

    def __init__(self, *args: Any, plans: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["plan"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = plans


class EndpointForm(OnceForm):
    environment = forms.ModelChoiceField(Environment.objects.all(), to_field_name="name", empty_label=None)
    model = forms.CharField(max_length=250, help_text="The name of a registered model.")
    name = forms.CharField(max_length=60, help_text="Lower-case letters, digits and hyphens; part of the address.")
    description = forms.CharField(max_length=300, required=False)
