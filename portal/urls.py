"""The root of all URLs. Apps are named by string; each owns its own `urls.py` and `api/urls.py`."""

from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path

handler404 = "portal.core.views.missing"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("portal.core.urls")),
    path("", include("portal.accounts.urls")),
    path("", include("portal.notices.urls")),
    path("audit/", include("portal.auditors.urls")),
    path("", include("registry.urls")),
    path("", include("deployments.urls")),
    path("", include("pipelines.urls")),
    path("", include("monitoring.urls")),
    path(
        "api/v1/",
        include(
            (
                [
                    path("", include("portal.core.api.urls")),
                    path("", include("portal.accounts.api.urls")),
                    path("", include("portal.notices.api.urls")),
                    path("audit/", include("portal.auditors.api.urls")),
                    path("", include("registry.api.urls")),
                    path("", include("deployments.api.urls")),
                    path("", include("pipelines.api.urls")),
                    path("", include("monitoring.api.urls")),
                ],
                "api",
            )
        ),
    ),
]

if settings.DEBUG:
    urlpatterns.append(path("_ui/", include("portal.ui.urls")))
