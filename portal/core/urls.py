from django.urls import path

from portal.core import views

app_name = "core"
urlpatterns = [
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("_csp/", views.csp_report, name="csp_report"),
]
