from django.urls import path

from portal.auditors.views import events, exports, verification

app_name = "audit"
urlpatterns = [
    path("", events.search, name="events"),
    path("verify/", verification.verify, name="verify"),
    path("key/", verification.key, name="key"),
    path("verifier/", verification.verifier, name="verifier"),
    path("exports/", exports.listing, name="exports"),
    path("exports/new/", exports.new, name="export_new"),
    path("exports/<int:pk>/", exports.detail, name="export"),
    path("exports/<int:pk>/file/", exports.download, name="export_file"),
    path("<uuid:event_id>/", events.detail, name="event"),
    path("<uuid:event_id>/row/", events.row, name="event_row"),
]
