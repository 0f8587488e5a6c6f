"""The Markdown file of a card: nothing in it renders as anything but text, and it says what the card says."""

import re
from html import unescape
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from registry.cards.markdown import markdown, plain
from registry.models import ModelVersion
from registry.selectors import cards as read
from registry.services import aliases
from tests import world

RENDERER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
ATTACKS = (
    *("# big", "- item", "1. one", "2) two", "+ x", "====", "---", "> quoted", "    code", "\ttab", "[x]: /y"),
    *("<b>x</b>", "<!-- c -->", "[a](http://b)", "![i](j)", "`code`", "*a* _b_", "~~gone~~", "a | b", "&amp; &#35;"),
    "\\*",
)


def rendered(text: str) -> str:
    return str(RENDERER.render(text))


@pytest.mark.parametrize("said", ATTACKS)
def test_marks_render_as_themselves(said: str) -> None:
    assert rendered(plain(said)) == f"<p>{_escaped(said.strip())}</p>\n"


@given(st.text(alphabet=st.sampled_from("ab1 .)-+=#*_[]()<>!`~|&\\>:/\t$"), max_size=30))
def test_any_line_renders_as_itself(said: str) -> None:
    wanted = " ".join(said.split())
    shown = re.sub(r"</?p>", "", rendered(plain(said))).strip()
    assert shown == _escaped(wanted)


def _escaped(text: str) -> str:
    for sign, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        text = text.replace(sign, entity)
    return text


def test_addresses_are_no_links() -> None:
    assert plain("see https://evil.example or www.evil.example") == r"see https\://evil.example or www\.evil.example"


@pytest.fixture
def version(db: object) -> ModelVersion:
    return world.version(world.model())


@pytest.fixture
def priya(version: ModelVersion) -> Client:
    client = Client()
    client.force_login(world.person("Priya Nair", ("data_scientist", version.model.team)))
    return client


def test_the_file_says_what_the_card_says(priya: Client, version: ModelVersion, settings: Any) -> None:
    settings.SIGNALBOX_URL = "https://portal.example"
    edit = "/models/flight-delay/versions/1/card/intended_use/edit/"
    said = "Tell travellers.\n\n# Not a heading\n<script>x</script>"
    priya.post(edit, {"text": said, "seen": ""})
    answer = priya.get("/models/flight-delay/versions/1/card/markdown/")
    assert answer["Content-Type"] == "text/markdown; charset=utf-8"
    assert "flight-delay-v1-card.md" in answer["Content-Disposition"]
    text, card = answer.content.decode(), read.of(version)
    html = unescape(rendered(text))
    assert re.findall("<h2>(.*)</h2>", html) == [one.section.title for one in card.sections]
    assert html.count("<h1>") == 1
    assert card.digest in html
    assert "# Not a heading" in html
    assert r"\<script\>" in text
    for missing in card.missing:
        assert f"<strong>UNKNOWN</strong> {missing.why}" in html
    assert '<a href="https://portal.example/models/flight-delay/">' in html
    assert "](" not in markdown(card.as_json())
    assert "by Priya Nair" in html


def test_the_page_to_print_and_the_way_to_it(priya: Client, version: ModelVersion) -> None:
    address = "/models/flight-delay/versions/1/card/"
    page = unescape(priya.get(address).content.decode())
    card = read.of(version)
    assert card.digest in page
    for one in card.sections:
        assert f">{one.section.title}</h2>" in page
        assert one.section.question in page
    assert address in priya.get("/models/flight-delay/versions/1/").content.decode()
    assert f"{address}markdown/" in page
    assert "is the champion" not in page
    assert address not in priya.get("/models/flight-delay/").content.decode()
    with transaction.atomic():
        aliases.point(model=version.model, alias="champion", version=version, actor=world.SYSTEM, reason="x")
    assert address in priya.get("/models/flight-delay/").content.decode()
    assert "is the champion" in priya.get(address).content.decode()


def test_a_reason_that_stands_above_is_not_said_again(version: ModelVersion) -> None:
    text = markdown(read.of(version).as_json())
    assert text.count("It was never evaluated") == 3, "of evaluation data, metrics and slices, once each"
