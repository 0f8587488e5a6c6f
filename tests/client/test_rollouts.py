"""`signalbox promote` and `signalbox rollout`, against a portal."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from deployments.models import PromotionRequest
from portal.accounts.services import tokens
from portal.core import work
from tests import world
from tests.client.test_gate import CLIENT
from tests.deployments.conftest import Line
from tests.deployments.conftest import line as line
from tests.deployments.conftest import runtime as runtime
from tests.deployments.rolling import Rolling
from tests.gate import servers


@pytest.fixture
def portal(transactional_db: None, line: Line) -> Iterator[tuple[str, str, Rolling]]:
    """The address of a portal where version 2 rolls out, and a token of somebody who may ask and steer."""
    both = world.person("Rosa Both", ("data_scientist", line.team), ("ml_lead", line.team))
    scopes = ["promote", "rollouts"]
    token = tokens.create(actor=world.SYSTEM, owner=both, name="ci", scopes=scopes, days=30).secret
    rolling = Rolling(line).begin()
    with servers.portal_server() as url:
        yield url, token, rolling


def signalbox(portal: tuple[str, str, Rolling], *arguments: str) -> tuple[int, str, str]:
    url, token, _ = portal
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(CLIENT)}
    environment |= {"SIGNALBOX_URL": url, "SIGNALBOX_TOKEN": token}
    command = [sys.executable, "-m", "signalbox_client.commands", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def test_a_rollout_is_shown_paused_resumed_and_aborted(portal: tuple[str, str, Rolling]) -> None:
    number = str(portal[2].row.pk)
    assert signalbox(portal, "rollout", "show", number)[1].startswith(f"rollout {number}: progressing, step 4 of 8")
    assert ": paused" in signalbox(portal, "rollout", "pause", number, "--reason", "Lunch.")[1]
    assert signalbox(portal, "rollout", "pause", number)[0] == 2
    assert f"rollout {number}: paused for asked, step 4 of 8: " in signalbox(portal, "rollout", "show", number)[1]
    for step, pause in (("3", "asked"), ("4", "too_few")):
        code, _, said = signalbox(portal, "rollout", "resume", number, "--step", step, "--pause", pause)
        assert (code, "moved on while you were looking" in said) == (2, True), said
    assert ": progressing" in signalbox(portal, "rollout", "resume", number, "--step", "4", "--pause", "asked")[1]
    assert ": aborting" in signalbox(portal, "rollout", "abort", number, "--reason", "no_better")[1]
    work.drain()
    assert ": aborted" in signalbox(portal, "rollout", "show", number)[1]


def test_a_promotion_is_asked_for_by_a_plan_and_may_supersede(portal: tuple[str, str, Rolling]) -> None:
    asked = ("promote", "--model", "flight-delay", "--version", "3", "--env", "production", "--plan", "blue-green")
    code, said, _ = signalbox(portal, *asked, "--dry-run")
    assert (code, "Hold 10 min: the former champion stays loaded" in said, "missing: " in said) == (1, True, True)
    refused = signalbox(portal, *asked, "--why", "It is better on March.")
    assert refused[0] == 2
    assert "supersede" in refused[2]
    done = signalbox(portal, *asked, "--why", "It is better on March.", "--supersede")
    row = PromotionRequest.objects.order_by("-pk")[0]
    assert done[:2] == (0, f"promotion {row.pk}: pending review\n"), done
    assert row.evidence["plan"]["name"] == "blue-green"
