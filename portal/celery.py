"""The doorbell. Celery carries "look now" messages; the record of work is in PostgreSQL (`portal.core.work`)."""

import os
from typing import Any

from celery import Celery
from celery.signals import worker_init
from kombu.transport.redis import Channel

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

# When the broker goes, Kombu puts back what was not finished yet, over a connection to the broker that is gone, and the
# worker ends on that error. A message is only a hint: none is put back, the sweep finds its row.
Channel.do_restore = False

app = Celery("signalbox")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["portal.core"])


@worker_init.connect
def start_sweeper(**_: Any) -> None:
    """A worker sweeps on its own, so work proceeds (slower) while the broker is away."""
    from portal.core import sweeper

    sweeper.start()
