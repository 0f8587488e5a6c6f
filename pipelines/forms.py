"""The shape of what pages send to ask for an evaluation; what may be asked is checked by the verb."""

from typing import Any

from django import forms

from pipelines.policies.settings import TASKS
from portal.accounts.acting import OnceForm
from portal.core.errors import PortalError

NUMBER = forms.TextInput(attrs={"inputmode": "decimal"})
FIELDS = {
    "settings.target": "target",
    "settings.task": "task",
    "settings.positive": "positive",
    "settings.threshold": "threshold",
    "settings.query": "query",
    "settings.business.formulas[0].expression": "formula",
    "settings.slices": "slices",
    "baseline": "baseline",
}


class EvaluationForm(OnceForm):
    """Everything beside the version and the data, which the address names."""

    baseline = forms.ChoiceField(label="Against", required=False)
    task = forms.ChoiceField(label="Task", choices=[(task, task.capitalize()) for task in TASKS])
    target = forms.ChoiceField(label="Column with the labels")
    positive = forms.CharField(
        label="Positive class", required=False, max_length=200, help_text="Of two classes; empty when it is 1 or true."
    )
    threshold = forms.FloatField(
        label="Threshold", initial=0.5, help_text="A score at or above it counts as positive.", widget=NUMBER
    )
    query = forms.ChoiceField(label="Column with the query", required=False, help_text="For rankings only.")
    slices = forms.CharField(
        label="Slices to judge",
        required=False,
        max_length=4_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="One a line: a column, =, and a value, such as origin = LGA.",
    )
    find = forms.MultipleChoiceField(label="Search for slices in", required=False, widget=forms.CheckboxSelectMultiple)
    miss = forms.FloatField(
        label="Cost of a missed positive", required=False, widget=NUMBER, help_text="In your own unit, such as euros."
    )
    alarm = forms.FloatField(label="Cost of a false alarm", required=False, widget=NUMBER)
    formula = forms.CharField(
        label="Business formula",
        required=False,
        max_length=1_000,
        help_text="Over columns, prediction, score and label, higher is better: amount * (label == prediction).",
    )

    def __init__(self, *args: Any, kinds: dict[str, str], inputs: set[str], baselines: list[Any], **kw: Any) -> None:
        super().__init__(*args, **kw)
        self.kinds = kinds
        free = [(name, name) for name in kinds if name not in inputs]
        self._choose("target", [("", "choose one"), *free])
        self._choose("query", [("", "none"), *free])
        self._choose("find", [(name, name) for name, kind in kinds.items() if kind in ("text", "number", "boolean")])
        self._choose("baseline", [("", "nothing"), *baselines])

    def _choose(self, name: str, choices: list[Any]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    def clean_slices(self) -> list[dict[str, Any]]:
        """Lines as declared slices, values as the column's kind."""
        found = []
        for line in self.cleaned_data["slices"].splitlines():
            column, equals, value = (part.strip() for part in line.partition("="))
            if not line.strip():
                continue
            if not equals or column not in self.kinds:
                raise forms.ValidationError(f"“{line.strip()[:80]}” is not a column of the data, =, and a value.")
            found.append({"column": column, "value": self._typed(column, value)})
        return found

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or {}
        if found.get("positive") and "target" in found:
            found["positive"] = self._typed(found["target"], found["positive"])
        return found

    def _typed(self, column: str, value: str) -> Any:
        kind = self.kinds[column]
        if kind == "boolean":
            return value.lower() in ("true", "yes", "1")
        try:
            number = float(value) if kind == "number" else value
        except ValueError:
            return value
        return int(number) if isinstance(number, float) and number.is_integer() else number

    def settings(self) -> dict[str, Any]:
        """As the verb takes them."""
        found = self.cleaned_data
        asked: dict[str, Any] = {"task": found["task"], "target": found["target"], "threshold": found["threshold"]}
        asked |= {name: found[name] for name in ("positive", "query") if found[name] not in ("", None)}
        asked["slices"] = {"declared": found["slices"], "find": bool(found["find"]), "columns": found["find"]}
        asked["business"] = {"costs": self._costs()}
        if found["formula"]:
            asked["business"]["formulas"] = [{"name": "business value", "expression": found["formula"]}]
        return asked

    def _costs(self) -> dict[str, float] | None:
        miss, alarm = self.cleaned_data["miss"], self.cleaned_data["alarm"]
        return None if miss is None and alarm is None else {"false_negative": miss or 0, "false_positive": alarm or 0}

    def take(self, error: PortalError) -> None:
        """Each refused member of the settings beside the field it came from."""
        for name, said in error.fields.items():
            self.add_error(FIELDS.get(name), said if name in FIELDS else f"{name}: {said}")
        if not error.fields:
            self.add_error(None, error.message)


class BatchPredictionForm(OnceForm):
    """Everything beside the version and the data, which the address names."""

    keep = forms.MultipleChoiceField(
        label="Columns to keep beside the answers",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Such as the key of each row. The number of the row stands in the file in any case.",
    )
    inputs = forms.MultipleChoiceField(
        label="Columns the version is given",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Its signature names none. All columns when nothing is chosen, in the order of the data.",
    )
    into = forms.ChoiceField(
        label="Register the file in a data set",
        required=False,
        help_text="It becomes its next version, measured and checked like any other, and names where it came from.",
    )

    def __init__(self, *args: Any, keepable: list[str], inputs: list[str], targets: list[str], **kw: Any) -> None:
        """`inputs` is empty where the version's signature names its columns; `targets` are data sets that may be
        filled."""
        super().__init__(*args, **kw)
        self._choose("keep", [(column, column) for column in keepable])
        if inputs:
            self._choose("inputs", [(column, column) for column in inputs])
        else:
            del self.fields["inputs"]
        self._choose("into", [("", "no, keep it as a file"), *((name, name) for name in targets)])

    def _choose(self, name: str, choices: list[Any]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices
