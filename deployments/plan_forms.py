"""The form of a rollout plan: its name, and one fieldset for each step, made from `engine.editor.KINDS`."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django import forms

from deployments.engine import editor
from deployments.engine.editor import Entry, Kind, Values
from deployments.engine.plans import MOST_STEPS
from portal.accounts.acting import OnceForm
from portal.core.errors import BadInput, PortalError

Json = dict[str, Any]
KEPT = "kept"
"""The key of a step of a kind that the editor does not know."""
LONGEST = 20_000


class PlanForm(OnceForm):
    """What the plan is called, and for whose traffic its time is shown."""

    name = forms.CharField(
        label="Name",
        max_length=60,
        help_text=(
            "Lower-case letters, digits and hyphens. A plan that people wrote gets a new version; Signalbox's own stay "
            "as they are."
        ),
    )
    title = forms.CharField(label="Title", max_length=80, required=False)
    traffic = forms.ChoiceField(label="Traffic as of", required=False)
    rate = forms.CharField(label="or requests a second", required=False, max_length=20)

    def __init__(self, *args: Any, endpoints: Iterable[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen = self.fields["traffic"]
        assert isinstance(chosen, forms.ChoiceField)
        chosen.choices = [("", "No endpoint"), *((name, name) for name in endpoints)]
        self.steps: list[StepForm] = []

    def take(self, error: PortalError) -> None:
        """Every refused place at its field, its step, or over the whole form."""
        for name, text in error.fields.items():
            at, place = editor.step_at(name)
            if at is not None and at < len(self.steps):
                self.steps[at].take(place, text)
            elif name.split(".")[0] == "steps":
                self.add_error(None, f"The plan {text}.")
            else:
                whole = error.message if len(error.fields) == 1 else editor.said(None, text)
                self.add_error(name if name in self.fields else None, whole)
        if not error.fields:
            self.add_error(None, error.message)


class Typed(forms.CharField):
    """Any text, also none."""

    def validate(self, value: str) -> None:
        """What is right is said by the engine."""


def _field(entry: Entry) -> forms.Field:
    if entry.shape == "tick":
        ticked = forms.CheckboxInput(attrs={"value": "on"})
        return forms.BooleanField(label=entry.label, required=False, help_text=entry.help, widget=ticked)
    widget = forms.Textarea(attrs={"rows": 2}) if entry.shape == "area" else forms.TextInput
    return Typed(label=entry.label, required=not entry.optional, help_text=entry.help, widget=widget)


def _layout(row: Sequence[Entry]) -> str:
    if row[0].shape == "tick":
        return "guard-row"
    return "stack" if [entry.shape for entry in row] == ["area"] else "grid-3"


class StepForm(forms.Form):
    """One step. Its fields take any text: what is right is said by the engine, all of it at once."""

    use_required_attribute = False

    kind = forms.CharField(widget=forms.HiddenInput(attrs={"id": False}))
    raw = forms.CharField(widget=forms.HiddenInput(attrs={"id": False}), required=False)

    def __init__(self, part: "Part", at: int) -> None:
        self.part, self.at = part, at
        prefix = f"s{at}"
        data = {f"{prefix}-{name}": value for name, value in part.values.items() if value}
        super().__init__({f"{prefix}-kind": part.key, f"{prefix}-raw": part.raw, **data}, prefix=prefix)
        for entry in part.kind.entries if part.kind else ():
            self.fields[entry.name] = _field(entry)
        self.full_clean()

    def take(self, place: str, text: str) -> None:
        """Say what is wrong at the field that stands for this place of the step, or above its fields."""
        entry = self._entry(place)
        self.add_error(entry.name if entry else None, editor.said(entry, text, place))

    def told(self, place: str, text: str) -> str:
        """The same as one line that names the field."""
        entry = self._entry(place)
        said = editor.said(entry, text, place)
        return f"{self._where(entry)}: {said[0].lower()}{said[1:]}"

    def _entry(self, place: str) -> Entry | None:
        kind = self.part.kind
        return editor.entry_at(kind, self.part.step, place) if kind and place else None

    def _where(self, entry: Entry | None) -> str:
        """Such as "Step 2, Error rate, Limit (pp)": what stands in one row has the same labels as its neighbours."""
        kind = self.part.kind
        row = editor.heading(kind, entry) if kind and entry else ""
        return ", ".join(filter(None, [f"Step {self.at + 1}", row, entry.label if entry else ""]))

    @property
    def wrong(self) -> list[tuple[str, str, str]]:
        """What is wrong with the step: where on the page, the words of the place, and what is said of it."""
        entries = {entry.name: entry for entry in self.part.kind.entries} if self.part.kind else {}
        found = []
        for name, messages in self.errors.items():
            place = self[name].id_for_label if name in self.fields else f"step-{self.at}"
            found += [(place, self._where(entries.get(name)), str(message)) for message in messages]
        return found

    @property
    def rows(self) -> list[tuple[str, list[Any]]]:
        """The fields, those of one group beside each other, and how they are laid out: a guard behind its tick, a text
        of several lines over the whole width, others in columns."""
        groups: dict[str, list[Entry]] = {}
        for entry in self.part.kind.entries if self.part.kind else ():
            groups.setdefault(entry.group, []).append(entry)
        return [(_layout(row), [self[entry.name] for entry in row]) for row in groups.values()]


def refused(fields: Mapping[str, str], steps: Sequence[StepForm]) -> list[str]:
    """What keeps a plan from being carried out, a line for each place, as its field would say it."""
    found = []
    for name, text in fields.items():
        at, place = editor.step_at(name)
        within = at is not None and at < len(steps)
        found.append(steps[at].told(place, text) if within and at is not None else f"The plan {text}.")
    return found


@dataclass(frozen=True)
class Part:
    """One step as it was typed. `raw` is the data of a step the editor does not know, which has no `kind`."""

    key: str
    values: Values = field(default_factory=dict)
    raw: str = ""

    @property
    def kind(self) -> Kind | None:
        return editor.KINDS.get(self.key)

    @property
    def step(self) -> Json:
        return self.kind.step(self.values) if self.kind else _json(self.raw)

    @property
    def title(self) -> str:
        return self.kind.title if self.kind else str(self.step.get("do", "step"))


def _json(text: str) -> Json:
    """The data of a kept step; what is no object is refused by the engine at its place."""
    try:
        found = json.loads(text) if len(text) <= LONGEST else {}
    except (ValueError, RecursionError):
        found = {}
    return found if isinstance(found, dict) else {}


def shown(body: Mapping[str, Any]) -> list[Part]:
    """The steps of a plan as the editor shows them."""
    return [_part(step) for step in body["steps"]]


def _part(step: Json) -> Part:
    kind = editor.kind_of(step)
    return Part(kind.key, kind.values(step)) if kind else Part(KEPT, raw=json.dumps(step))


def fresh(key: str) -> Part:
    """A new step of this kind."""
    if key not in editor.KINDS:
        raise BadInput("There is no such kind of step.", fields={"new": "no such kind"}, status=400)
    return Part(key, editor.KINDS[key].values(editor.KINDS[key].begins))


def posted(sent: Mapping[str, str]) -> list[Part]:
    """The steps that were sent, as they were typed."""
    count = sent.get("steps", "0")
    many = int(count) if count.isascii() and count.isdigit() and len(count) < 4 else 0
    return [_typed(sent, f"s{at}-") for at in range(min(many, MOST_STEPS + 1))]


def _typed(sent: Mapping[str, str], prefix: str) -> Part:
    key = sent.get(f"{prefix}kind", KEPT)
    kind = editor.KINDS.get(key)
    if kind is None:
        return Part(KEPT, raw=sent.get(f"{prefix}raw", ""))
    return Part(key, {entry.name: sent.get(prefix + entry.name, "") for entry in kind.entries})


def changed(parts: list[Part], act: str, new: str) -> tuple[list[Part], int | None]:
    """The steps after a button of the editor, and the place of the one it was about; None for no change."""
    verb, _, number = act.partition("-")
    found = list(parts)
    if verb == "add":
        at = next((at for at, part in enumerate(found) if part.key == "switch"), len(found))
        at = len(found) if new in ("switch", "hold") else at
        found.insert(at, fresh(new))
        return found, at
    at = int(number) if number.isascii() and number.isdigit() and len(number) < 4 else len(found)
    if at >= len(found):
        return found, None
    part = found.pop(at)
    if verb == "remove":
        return found, min(at, len(found) - 1) if found else None
    to = max(0, min(len(found), at + {"up": -1, "down": 1}.get(verb, 0)))
    found.insert(to, part)
    return found, to


def body(parts: Iterable[Part]) -> Json:
    return {"steps": [part.step for part in parts]}
