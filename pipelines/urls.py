from django.urls import path

from pipelines.views import evaluations

app_name = "pipelines"
urlpatterns = [
    path("evaluations/", evaluations.listing, name="evaluations"),
    path("evaluations/new/", evaluations.new, name="evaluation_new"),
    path("evaluations/<int:number>/", evaluations.report, name="evaluation"),
    path("evaluations/<int:number>/cancel/", evaluations.cancel, name="evaluation_cancel"),
    path("evaluations/<int:number>/retry/", evaluations.retry, name="evaluation_retry"),
    path("evaluations/of/<str:name>/<int:number>/", evaluations.of_version, name="version_evaluations"),
]
