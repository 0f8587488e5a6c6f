from django.urls import URLPattern, URLResolver

app_name = "notices_api"
urlpatterns: list[URLPattern | URLResolver] = []
