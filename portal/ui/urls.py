from django.urls import URLPattern, URLResolver, path

from portal.ui import views

app_name = "ui"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.gallery, name="gallery"),
    path("live/", views.live, name="live"),
    path("confirm/", views.confirm, name="confirm"),
    path("auth/", views.auth, name="auth"),
    path("refused/<int:status>/", views.refused, name="refused"),
]
