"""Django's form fields as the house shows them."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from django import forms
from django.forms.boundfield import BoundField
from django.utils.safestring import SafeString

from portal.ui.library import register

GROUPS = (forms.RadioSelect, forms.CheckboxSelectMultiple)
UNIT = re.compile(r"\s*\([^()]*\)$")
"""What a label says in brackets at its end, such as (MiB), and a sentence does not."""


def _shape(bound: BoundField) -> str:
    widget = bound.field.widget
    if bound.is_hidden:
        return "hidden"
    if isinstance(widget, GROUPS):
        return "group"
    return "check" if isinstance(widget, forms.CheckboxInput) else "line"


@register.inclusion_tag("components/field.html")
def field(bound: BoundField, *, label: str = "", hint: str = "", boxed: bool = True) -> dict[str, Any]:
    """`{% field form.reason hint="goes to the audit log" %}`: label, help and error, tied together.

    Radios and check boxes become a fieldset (`boxed=False` puts radios in one line).
    """
    return {
        "bound": bound,
        "shape": _shape(bound),
        "label": label or bound.label,
        "hint": hint,
        "boxed": boxed,
        "help_id": f"{bound.auto_id}_helptext",
        "error_id": f"{bound.auto_id}_error",
    }


def _led(bound: BoundField, messages: Iterable[Any]) -> tuple[BoundField, str, str]:
    """The field, the words of the link to it, and what follows them: a sentence that begins with the field's name gives
    the link its words, every other one stands behind it."""
    said = " ".join(map(str, messages))
    label = str(bound.label)
    name = UNIT.sub("", label)
    if name and said.casefold().startswith(name.casefold()) and not said[len(name) : len(name) + 1].isalnum():
        return bound, said[: len(name)], said[len(name) :]
    return bound, label, f": {said}"


@register.inclusion_tag("components/error_summary.html")
def error_summary(
    form: forms.BaseForm, *, brief: bool = False, more: Sequence[tuple[str, str, str]] = ()
) -> dict[str, Any]:
    """`{% error_summary form %}`: over a form that was refused, with links to the fields; else nothing.

    `more` is what is wrong with parts of the page that are forms of their own: id, words of the link, what is said.
    `brief` leaves out the heading and what stands at the fields: for a form of two fields, it would say things twice.
    """
    wrong = [(form[name], messages) for name, messages in form.errors.items() if name in form.fields]
    hidden = [(bound, messages) for bound, messages in wrong if bound.is_hidden]
    return {
        "general": [*form.non_field_errors(), *(m for _, messages in hidden for m in messages)],
        "fields": [_led(bound, messages) for bound, messages in wrong if not bound.is_hidden],
        "brief": brief,
        "more": more,
        "count": sum(len(messages) for messages in form.errors.values()) + len(more),
    }


@register.simple_tag
def field_id(bound: BoundField) -> str | SafeString:
    """Where the link of an error summary goes: the first control of a group, else the control itself."""
    if isinstance(bound.field.widget, GROUPS):
        first = next(iter(bound.subwidgets), None)
        return first.id_for_label if first else bound.auto_id
    return bound.id_for_label or bound.auto_id
