"""The client's exit codes are its answer; it asks the portal itself."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from portal.accounts.services import tokens
from tests import world
from tests.gate import servers

CLIENT = Path(__file__).parents[2] / "client"


@pytest.fixture
def portal(transactional_db: None, settings: Any) -> Iterator[tuple[str, str]]:
    """The address of a portal with one version that passes every check, and a token that may ask."""
    team = world.team()
    world.production()
    priya = world.person("Priya Nair", ("data_scientist", team))
    model = world.model(where=team)
    world.version(model, priya, metrics={"auc": 0.8})
    token = tokens.create(actor=world.SYSTEM, owner=priya, name="ci", scopes=["promote"], days=30).secret
    with servers.portal_server() as url:
        yield url, token


def signalbox(url: str, token: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(CLIENT),
        "SIGNALBOX_URL": url,
        "SIGNALBOX_TOKEN": token,
    }
    command = [sys.executable, "-m", "signalbox_client.commands", "gate", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


ASKED = ("--model", "flight-delay", "--version", "1", "--env", "production")


def test_it_exits_by_what_the_portal_says(portal: tuple[str, str]) -> None:
    done = signalbox(*portal, *ASKED)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "verdict: pass" in done.stdout
    plain = signalbox(*portal, *ASKED, "--json")
    assert json.loads(plain.stdout)["verdict"] == "pass"
    world.production(gates={"calibration": {"most": 0.1}})
    unknown = signalbox(*portal, *ASKED)
    assert (unknown.returncode, "unknown      Calibration: v1 was never evaluated" in unknown.stdout) == (2, True)


@pytest.mark.parametrize(
    ("url", "token", "arguments", "says"),
    [
        ("", "x", ASKED, "SIGNALBOX_URL must be the portal's address"),
        ("http://127.0.0.1:1", "", ASKED, "Set SIGNALBOX_TOKEN"),
        ("http://127.0.0.1:1", "x", ASKED, "does not answer"),
        ("http://127.0.0.1:1", "x", (*ASKED[:3], "one", *ASKED[4:]), "invalid int value"),
    ],
)
def test_what_cannot_be_asked_is_not_known(url: str, token: str, arguments: tuple[str, ...], says: str) -> None:
    done = signalbox(url, token, *arguments)
    assert (done.returncode, says in done.stderr) == (2, True), done.stderr


def test_a_refusal_is_a_sentence(portal: tuple[str, str]) -> None:
    wrong = signalbox(portal[0], "sbx_pat_wrong", *ASKED)
    assert (wrong.returncode, "(401)" in wrong.stderr) == (2, True), wrong.stderr
    missing = signalbox(*portal, "--model", "flight-delay", "--version", "9", "--env", "production")
    assert (missing.returncode, "has no version 9. (404)" in missing.stderr) == (2, True), missing.stderr


@pytest.mark.parametrize(
    ("verdicts", "overall", "wanted"),
    [
        (["pass"], "pass", 0),
        (["pass", "fail"], "fail", 1),
        (["needs_review"], "needs_review", 1),
        (["unknown", "fail"], "fail", 1),
        (["unknown"], "unknown", 2),
        (["running", "pass"], "running", 2),
        (["pass"], "fail", 2),
    ],
)
def test_codes(monkeypatch: pytest.MonkeyPatch, verdicts: list[str], overall: str, wanted: int) -> None:
    monkeypatch.syspath_prepend(str(CLIENT))
    from signalbox_client import gate

    found = {"verdict": overall, "gates": [{"verdict": one} for one in verdicts]}
    assert gate.code(found) == wanted
