from django.urls import path

from pipelines.api import evaluations

app_name = "pipelines_api"
urlpatterns = [
    path("evaluations/", evaluations.Evaluations.as_view(), name="evaluations"),
    path("evaluations/<int:number>/", evaluations.EvaluationView.as_view(), name="evaluation"),
    path("evaluations/<int:number>/report/", evaluations.Report.as_view(), name="evaluation_report"),
    path("evaluations/<int:number>/cancel/", evaluations.Cancel.as_view(), name="evaluation_cancel"),
    path("evaluations/<int:number>/retry/", evaluations.Retry.as_view(), name="evaluation_retry"),
]
