"""What is said of wrong input is ours, on pages too, and no library's own words."""

from django import forms as django_forms

from deployments import forms
from deployments.api.inputs import DrillHours
from portal.core.api.inputs import Strict, read_input
from portal.core.sentences import MISSING


def test_a_decision_that_is_none_is_asked_for() -> None:
    assert forms.DecisionForm({}, checks=[]).errors["decision"] == ["Choose one."]
    assert forms.AbortForm({"reason_code": "boredom"}).errors["reason_code"] == [
        "Choose one of those offered: boredom is not."
    ]


def test_a_number_has_its_ends() -> None:
    form = forms.KeyForm({"name": "", "days": "0"})
    assert form.errors == {"name": [MISSING], "days": ["This must be at least 1."]}


def test_nothing_of_the_libraries_is_left_in_the_words_of_usual_fields() -> None:
    kinds = (django_forms.CharField, django_forms.IntegerField, django_forms.ChoiceField, django_forms.BooleanField)
    said = {str(text) for kind in kinds for text in kind().error_messages.values()}
    assert not [text for text in said if "field" in text or "Ensure" in text or "valid choice" in text]


def test_members_that_were_declared_elsewhere_say_it_too() -> None:
    assert issubclass(DrillHours, Strict)
    found = DrillHours(data={"hours": 3000})
    assert not found.is_valid()
    assert [str(text) for text in found.errors["hours"]] == ["This must be at most 2160."]
    assert read_input(DrillHours, {"hours": 3}) == {"hours": 3}
