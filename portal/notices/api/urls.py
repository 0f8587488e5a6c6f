from django.urls import URLPattern, URLResolver, path

from portal.notices.api import notices

app_name = "notices_api"
urlpatterns: list[URLPattern | URLResolver] = [
    path("notices/", notices.NoticesView.as_view(), name="list"),
    path("notices/read/", notices.NoticesReadView.as_view(), name="read_all"),
    path("notices/<int:notice_id>/read/", notices.NoticeReadView.as_view(), name="read"),
]
