"""The portal's addresses and the gallery, which is mounted only with DEBUG."""

from django.urls import include, path

from portal.urls import urlpatterns as portal_urls

urlpatterns = [path("_ui/", include("portal.ui.urls")), *portal_urls]
