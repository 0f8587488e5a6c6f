from django.urls import URLPattern, URLResolver

app_name = "deployments_api"
urlpatterns: list[URLPattern | URLResolver] = []
