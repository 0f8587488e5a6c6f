from django.urls import path

from monitoring.views import bypass, status

app_name = "monitoring"
urlpatterns = [
    path("status/", status.status, name="status"),
    path("status/bypass/", bypass.bypass, name="bypass"),
]
