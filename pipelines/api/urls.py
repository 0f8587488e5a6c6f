from django.urls import path

from pipelines.api import batch_predictions, evaluations

app_name = "pipelines_api"
urlpatterns = [
    path("evaluations/", evaluations.Evaluations.as_view(), name="evaluations"),
    path("evaluations/<int:number>/", evaluations.EvaluationView.as_view(), name="evaluation"),
    path("evaluations/<int:number>/report/", evaluations.Report.as_view(), name="evaluation_report"),
    path("evaluations/<int:number>/cancel/", evaluations.Cancel.as_view(), name="evaluation_cancel"),
    path("evaluations/<int:number>/retry/", evaluations.Retry.as_view(), name="evaluation_retry"),
    path("batch-predictions/", batch_predictions.BatchPredictions.as_view(), name="batch_predictions"),
    path("batch-predictions/<int:number>/", batch_predictions.BatchPredictionView.as_view(), name="batch_prediction"),
    path("batch-predictions/<int:number>/file/", batch_predictions.File.as_view(), name="batch_prediction_file"),
    path("batch-predictions/<int:number>/cancel/", batch_predictions.Cancel.as_view(), name="batch_prediction_cancel"),
    path("batch-predictions/<int:number>/resume/", batch_predictions.Resume.as_view(), name="batch_prediction_resume"),
]
