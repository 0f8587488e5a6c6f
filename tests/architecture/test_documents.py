"""Documents keep to the code: links lead somewhere, addresses exist, tables are the code's own."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client
from django.urls import Resolver404, resolve

from portal.accounts.permissions import PERMISSION_WORDS, SCOPES

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "bench").rglob("*.md")])
API = (ROOT / "docs/api.md").read_text()
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
SAMPLES = {
    "number": "1",
    "environment": "production",
    "name": "flight-delay",
    "id": "01a20745-e18e-7595-9424-7248c86cfe35",
}


def prose(path: Path) -> str:
    """The text without its code blocks."""
    return FENCE.sub("", path.read_text())


def anchors(path: Path) -> set[str]:
    """The anchors that a reader of Markdown makes of the headings."""
    headings = re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def dead_links(path: Path) -> Iterator[str]:
    """Relative links of a document that lead to no file, or to no heading of it."""
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(path)):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = path.parent / name if name else path
        if not target.exists() or (anchor and anchor not in anchors(target)):
            yield link


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    assert list(dead_links(path)) == []


def test_a_dead_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A page\n[a](page.md#a-page) [b](gone.md) [c](#gone) [d](https://example.org/)\n```\n[e](x.md)\n```\n"
    )
    assert list(dead_links(page)) == ["gone.md", "#gone"]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_named_in_prose_exist(path: Path) -> None:
    """Only names that start in a folder of the project: others may be made by the reader."""
    folders = "bench|demo|deploy|deployments|docs|monitoring|portal|registry|serving|static|templates|tests|tools"
    named = set(re.findall(rf"`((?:{folders})/[\w./-]+\.(?:py|md|html|css|js|toml|yml|sh))`", prose(path)))
    assert sorted(name for name in named if not (ROOT / name).exists()) == []


def test_the_addresses_of_the_api_document_exist() -> None:
    """Those in prose with or without their prefix, and those of the shell lines."""
    named = set(re.findall(r"/api/v1(/[\w{}/.-]*)", API)) | set(re.findall(r"^\| `(/[\w{}/-]+/)`", API, re.MULTILINE))
    named |= set(re.findall(r"`, `(/[a-z/]+/)` \|", API))
    shown = {re.sub(r"\$\w+|\{(\w+)\}", lambda found: SAMPLES.get(found[1] or "number", "1"), name) for name in named}
    missing = []
    for name in sorted({name.removeprefix("/api/v1") for name in shown} - {"/", "/problems/idempotency_key_missing/"}):
        try:
            resolve(f"/api/v1{name}")
        except Resolver404:
            missing.append(name)
    assert missing == []
    assert len(shown) > 15


def test_the_scopes_of_the_api_document_are_the_tables() -> None:
    listed = dict(re.findall(r"^\| `(\w+)` \| ([^|`]+) \|$", API, re.MULTILINE))
    assert listed == {
        scope: ", ".join(sorted(PERMISSION_WORDS[permission] for permission in permissions))
        for scope, permissions in SCOPES.items()
    }


@pytest.mark.django_db
def test_a_refusal_has_the_members_the_api_document_shows() -> None:
    shown = json.loads(re.findall(r"```json\n(.*?)```", API, re.DOTALL)[0])
    assert set(Client().get("/api/v1/me/").json()) == set(shown)
