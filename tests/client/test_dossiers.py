"""`signalbox dossier`, against a portal whose worker writes it meanwhile."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from portal.accounts.services import tokens
from portal.core import work
from tests import world
from tests.client.test_gate import CLIENT
from tests.deployments.conftest import line as line
from tests.deployments.conftest import runtime as runtime
from tests.deployments.dossiers.conftest import INTACT, Told
from tests.deployments.dossiers.conftest import log as log
from tests.deployments.dossiers.conftest import told as told
from tests.gate import servers
from tests.waiting import wait_until
from tools import signalbox_audit_verify as offline

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_dossier_is_asked_for_waited_for_and_saved(told: Told, tmp_path: Path) -> None:
    token = tokens.create(actor=world.SYSTEM, owner=told.line.priya, name="ci", scopes=["read"], days=30).secret
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(CLIENT), "SIGNALBOX_TOKEN": token}
    command = [sys.executable, "-m", "signalbox_client.commands", "dossier", str(told.row.pk), "-o", "dossier.zip"]
    with servers.portal_server() as url:
        environment["SIGNALBOX_URL"] = url
        hurry = [*command, "--wait", "0"]
        hurried = subprocess.run(hurry, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (hurried.returncode, "still being written" in hurried.stderr) == (2, True), hurried.stderr
        asking = subprocess.Popen(
            command, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

        def written() -> bool:
            told.log.settle()
            work.drain()
            return asking.poll() is not None

        wait_until(written, 60, "the client to end")
        out, err = asking.communicate()
    assert (asking.returncode, err) == (0, ""), out
    assert "dossier.zip: verify it" in out
    assert offline.main(["dossier", str(tmp_path / "dossier.zip"), "--vkey", told.log.vkey]) == INTACT
