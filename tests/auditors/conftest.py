"""A log with a sequencer and a signer at hand, and people who read it."""

from collections.abc import Iterator
from contextlib import closing
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from django.conf import settings as configured
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client
from pytest_django.fixtures import Settings

from portal.accounts.models import Person
from portal.audit import recorder, sequencing
from portal.audit.recorder import Subject
from portal.audit.signer import Signer
from portal.audit.signer_memory import Memory
from tests import services, world
from tests.audit.signed_log import WAITING
from tests.waiting import wait_until


class Page(HTMLParser):
    """A page taken apart: its text, links, forms with the values a browser would send, and texts by element."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.links: list[str] = []
        self.forms: dict[str, dict[str, str]] = {}
        self.rows: list[str] = []
        self.attributes: set[str] = set()
        self.words: list[str] = []
        self._open: dict[str, str] = {}
        self._select = ""
        self.feed(html)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.attributes |= set(given)
        if tag == "a":
            self.links.append(given.get("href", ""))
        elif tag == "tr":
            self.rows.append("")
        elif tag == "form":
            self._open = self.forms.setdefault(given.get("action", ""), {})
        elif tag == "input":
            self._open[given.get("name", "")] = given.get("value", "")
        elif tag == "select":
            self._select = given["name"]
        elif tag == "option" and ("selected" in given or self._select not in self._open):
            self._open[self._select] = given.get("value", "")

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if self.rows:
            self.rows[-1] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = {}


class Reader:
    """One person's browser, without script."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.client = Client(enforce_csrf_checks=True)
        self.client.force_login(person, backend=configured.AUTHENTICATION_BACKENDS[0])

    def open(self, path: str, status: int = 200, /, **query: str) -> Page:
        answer = self.client.get(path, query)
        assert answer.status_code == status, (answer.status_code, answer.content[:1500])
        return Page(answer.content.decode())

    def part(self, path: str, **headers: str) -> Any:
        """What a poll or a filter form of the page gets."""
        return self.client.get(path, headers={"HX-Request": "true"} | headers)

    def send(self, page: str, action: str, **values: str) -> Any:
        """Send the form of the page as it stands, but for `values`."""
        return self.client.post(action, self.open(page).forms[action] | values)

    def api(self, path: str, status: int = 200, /, **query: str) -> Any:
        answer = self.client.get(f"/api/v1/audit/{path}", query)
        assert answer.status_code == status, (answer.status_code, answer.content[:1500])
        return answer.json()


@transaction.atomic
def change(name: str, *, by: Person | None = None, **parts: Any) -> str:
    """An event about a team; its id."""
    actor = world.actor(by) if by else world.SYSTEM
    receipt = recorder.record("team.changed", actor=actor, subject=Subject("team", name.lower(), name), **parts)
    return str(receipt.event_id)


@pytest.fixture
def auditor(db: None) -> Reader:
    return Reader(world.person("Ada Auditor", ("auditor", None)))


@pytest.fixture
def administrator(db: None) -> Reader:
    return Reader(world.person("Alex Admin", ("administrator", None)))


@pytest.fixture
def viewer(db: None) -> Reader:
    return Reader(world.person("Vera Viewer", ("viewer", world.team())))


class SignedLog:
    """Places and signs what is committed, as the two processes do. `public` is the folder outside the database."""

    def __init__(self, public: Path, signer: Signer, placing: Any, signing: Any) -> None:
        self.public, self.signer, self.placing, self.signing = public, signer, placing, signing

    @property
    def vkey(self) -> str:
        return (self.public / "vkey").read_text().strip()

    def settle(self) -> None:
        wait_until(self._placed, 20, "all events to be placed")
        self.signer.recheck(self.signing)
        self.signer.tick(self.signing)

    def _placed(self) -> bool:
        sequencing.sequence_batch(self.placing, full_look=True)
        with connection.cursor() as cursor:
            cursor.execute(WAITING)
            return bool(cursor.fetchone() == (0,))


@pytest.fixture
def log(transactional_db: None, settings: Settings, tmp_path: Path) -> Iterator[SignedLog]:
    public = tmp_path / "checkpoints"
    public.mkdir()
    settings.SIGNALBOX_CHECKPOINT_DIR = public
    settings.SIGNALBOX_VAR = tmp_path / "var"
    with connection.cursor() as cursor:  # the log of earlier tests outlives their rows
        cursor.execute("TRUNCATE audit.event, audit.leaf, audit.checkpoint, audit.pii")
    call_command("create_roles", verbosity=0)
    memory = Memory(tmp_path / "signer", "signalbox/test")
    memory.open()
    signer, name = Signer(memory, public), str(connection.settings_dict["NAME"])
    with (
        closing(psycopg2.connect(services.role_url("signalbox_sequencer", name))) as placing,
        closing(psycopg2.connect(services.role_url("signalbox_signer", name))) as signing,
    ):
        signing.autocommit = True
        signer.publish_key(signer.begin(signing))
        yield SignedLog(public, signer, placing, signing)
    memory.close()
