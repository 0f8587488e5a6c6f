from django.urls import URLPattern, URLResolver, path

from portal.notices.views import notices

app_name = "notices"
urlpatterns: list[URLPattern | URLResolver] = [
    path("notices/", notices.notice_list, name="list"),
    path("notices/read/", notices.notices_read, name="read_all"),
    path("notices/<int:notice_id>/read/", notices.notice_read, name="read"),
]
