from django.urls import path

from monitoring.api import ground_truth, views

app_name = "monitoring_api"
urlpatterns = [
    path("status/", views.StatusView.as_view(), name="status"),
    path("ground-truth/", ground_truth.GroundTruthView.as_view(), name="ground_truth"),
]
