"""A worker of the portal for tests: `python -m tests.serving.looker`, a process of its own that can be killed.

It carries out promotions and rollouts and nothing else, and looks more often than a real one.
"""

import os
import subprocess
import sys
import threading
from urllib.parse import urlsplit

import django
from django.conf import settings

from tests import services

KINDS = ("deployments.promotion", "deployments.rollout")
PAUSE_SECONDS = 0.05
LOOK_SECONDS = 0.3


def start(agent_socket: str, store: str, database: str) -> "subprocess.Popen[bytes]":
    """One such process on the test's own database, which must hold what is committed."""
    environ = {
        **os.environ,
        "DATABASE_URL": services.role_url(urlsplit(os.environ["DATABASE_URL"]).username or "", database),
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "SIGNALBOX_AGENT": f"unix:{agent_socket}",
        "SIGNALBOX_STORE": store,
    }
    return subprocess.Popen(
        [sys.executable, "-m", "tests.serving.looker"],
        env=environ,
        start_new_session=True,
        preexec_fn=services.die_with_parent,
    )


def main() -> None:
    django.setup()
    from deployments.engine import planner
    from portal.core import leases, work
    from tests import memory_mlflow
    from tests.memory_mlflow import HoldsAll

    assert "test_" in str(settings.DATABASES["default"]["NAME"])
    planner.LOOK = LOOK_SECONDS
    pause = threading.Event()
    with memory_mlflow.using(HoldsAll()):
        while True:
            for name in KINDS:
                kind = work.KINDS[name]
                leases.free_dead(kind.model)
                for pk in leases.due(kind.model):
                    work.do(name, pk)
            pause.wait(PAUSE_SECONDS)


if __name__ == "__main__":
    main()
