"""`signalbox policies`, against a portal."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployments.models import PolicyVersion
from portal.accounts.services import tokens
from tests import world
from tests.client.test_gate import CLIENT
from tests.gate import servers


@pytest.fixture
def portal(transactional_db: None) -> Iterator[tuple[str, str]]:
    """The address of a portal, and an administrator's token that may propose policies."""
    world.production()
    alex = world.person("Alex Admin", ("administrator", None))
    token = tokens.create(actor=world.SYSTEM, owner=alex, name="ci", scopes=["policies"], days=30).secret
    with servers.portal_server() as url:
        yield url, token


def signalbox(portal: tuple[str, str], *arguments: str, text: str = "") -> "subprocess.CompletedProcess[str]":
    url, token = portal
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(CLIENT)}
    environment |= {"SIGNALBOX_URL": url, "SIGNALBOX_TOKEN": token}
    command = [sys.executable, "-m", "signalbox_client.commands", "policies", *arguments]
    return subprocess.run(command, env=environment, input=text, capture_output=True, text=True, timeout=60, check=False)


def test_a_file_goes_out_and_in_and_the_second_time_changes_nothing(portal: tuple[str, str], tmp_path: Path) -> None:
    exported = signalbox(portal, "export")
    assert exported.returncode == 0, exported.stderr
    file = tmp_path / "policies.yaml"
    file.write_text(exported.stdout)
    same = signalbox(portal, "apply", str(file))
    assert same.stdout.splitlines() == ["staging is as the file has it", "production is as the file has it"]
    other = exported.stdout.replace("request_days: 7", "request_days: 5")
    dry = signalbox(portal, "apply", "-", "--dry-run", text=other)
    assert "production would be proposed" in dry.stdout.splitlines()
    first = signalbox(portal, "apply", "-", "--why", "Five.", text=other)
    row = PolicyVersion.objects.get(status="proposed")
    assert f"production was proposed: change {row.pk}" in first.stdout
    assert (row.why, row.created_through != "") == ("Five.", True)
    again = signalbox(portal, "apply", "-", text=other)
    assert f"production is proposed already: change {row.pk}" in again.stdout
    assert PolicyVersion.objects.filter(status="proposed").count() == 1


@pytest.mark.parametrize(
    ("arguments", "text", "says"),
    [
        (("apply", "-"), "policies: [", "This is not YAML that can be read"),
        (("apply", "-"), "policies: [{environment: nowhere, rules: {}}]", "There is no environment nowhere"),
        (("apply", "/nowhere.yaml"), "", "/nowhere.yaml cannot be read"),
    ],
)
def test_a_refusal_is_a_sentence(portal: tuple[str, str], arguments: tuple[str, ...], text: str, says: str) -> None:
    done = signalbox(portal, *arguments, text=text)
    assert (done.returncode, says in done.stderr) == (2, True), done.stderr
