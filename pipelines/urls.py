from django.urls import path

from pipelines.views import batch_predictions, evaluations

app_name = "pipelines"
urlpatterns = [
    path("evaluations/", evaluations.listing, name="evaluations"),
    path("evaluations/new/", evaluations.new, name="evaluation_new"),
    path("evaluations/<int:number>/", evaluations.report, name="evaluation"),
    path("evaluations/<int:number>/cancel/", evaluations.cancel, name="evaluation_cancel"),
    path("evaluations/<int:number>/retry/", evaluations.retry, name="evaluation_retry"),
    path("evaluations/of/<str:name>/<int:number>/", evaluations.of_version, name="version_evaluations"),
    path("batch-predictions/", batch_predictions.listing, name="batch_predictions"),
    path("batch-predictions/new/", batch_predictions.new, name="batch_prediction_new"),
    path("batch-predictions/<int:number>/", batch_predictions.one, name="batch_prediction"),
    path("batch-predictions/<int:number>/file/", batch_predictions.file, name="batch_prediction_file"),
    path("batch-predictions/<int:number>/cancel/", batch_predictions.cancel, name="batch_prediction_cancel"),
    path("batch-predictions/<int:number>/resume/", batch_predictions.resume, name="batch_prediction_resume"),
]
