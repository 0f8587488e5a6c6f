"""The web process: Django for pages and API, the MLflow gate beside it for the routes MLflow's clients call."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

django_application = get_asgi_application()

from django.conf import settings  # noqa: E402  (settings must be loaded first)
from django.utils.module_loading import import_string  # noqa: E402

from portal.core.bodies import Bounded  # noqa: E402
from portal.core.mount import Mount  # noqa: E402
from portal.core.postgres import kept  # noqa: E402


async def _end() -> None:
    await import_string("registry.gate.forward.close")()
    kept.stop()


application = Mount(
    default=Bounded(django_application, settings.DATA_UPLOAD_MAX_MEMORY_SIZE),
    gate=import_string("registry.gate.asgi.application"),
    at_start=kept.start,
    at_end=_end,
    prefixes=("/api/2.0/", "/api/3.0/", "/ajax-api/", "/version", "/health"),
)
