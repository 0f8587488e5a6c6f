from django.urls import path

from monitoring.api import views

app_name = "monitoring_api"
urlpatterns = [
    path("status/", views.StatusView.as_view(), name="status"),
]
