from django.urls import path

from portal.auditors.api import files, views

app_name = "audit_api"
urlpatterns = [
    path("events/", views.Events.as_view(), name="events"),
    path("events/<uuid:event_id>/", views.Event.as_view(), name="event"),
    path("events/<uuid:event_id>/proof/", views.EventProof.as_view(), name="event_proof"),
    path("checkpoint/", views.Checkpoint.as_view(), name="checkpoint"),
    path("verify/", views.Verify.as_view(), name="verify"),
    path("exports/", views.Exports.as_view(), name="exports"),
    path("exports/<int:pk>/", views.Export.as_view(), name="export"),
    path("exports/<int:pk>/file/", files.ExportFile.as_view(), name="export_file"),
]
