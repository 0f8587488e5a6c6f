from django.urls import URLPattern, URLResolver

app_name = "registry_api"
urlpatterns: list[URLPattern | URLResolver] = []
