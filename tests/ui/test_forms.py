"""What stands over a form that was refused: each field once by its name."""

import re

import pytest
from django import forms
from django.template import Context, Template


class Asked(forms.Form):
    memory = forms.IntegerField(label="Memory of each process (MiB)", required=False)
    why = forms.CharField(label="Why", required=False)


def summary(**wrong: str) -> str:
    form = Asked({})
    for name, said in wrong.items():
        form.add_error(name, said)
    html = Template("{% load ui %}{% error_summary form %}").render(Context({"form": form}))
    return " ".join(re.sub(r"</?(?!a\b|/a)[^>]*>", " ", html).split())


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Memory of each process must be less.", ">Memory of each process</a> must be less."),
        ("memory of each process is too much.", ">memory of each process</a> is too much."),
        ("Give less.", ">Memory of each process (MiB)</a>: Give less."),
        ("Memory of each processor counts.", ">Memory of each process (MiB)</a>: Memory of each processor counts."),
    ],
)
def test_a_sentence_that_names_its_field_is_not_given_the_name_again(said: str, shown: str) -> None:
    assert shown in summary(memory=said)


def test_each_field_has_a_line_and_a_link_to_it() -> None:
    html = summary(memory="Memory of each process must be less.", why="Say why.")
    assert "2 things need another look" in html
    assert '<a href="#id_memory">Memory of each process</a> must be less.' in html
    assert '<a href="#id_why">Why</a>: Say why.' in html
