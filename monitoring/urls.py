from django.urls import path

from monitoring.views import status

app_name = "monitoring"
urlpatterns = [
    path("status/", status.status, name="status"),
]
