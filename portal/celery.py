"""The doorbell. Celery carries "look now" messages; the record of work is in PostgreSQL (`portal.core.work`)."""

import os
from typing import Any

from celery import Celery
from celery.signals import worker_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

app = Celery("signalbox")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["portal.core"])


@worker_init.connect
def start_sweeper(**_: Any) -> None:
    """A worker sweeps on its own, so work proceeds (slower) while the broker is away."""
    from portal.core import sweeper

    sweeper.start()
