from django.urls import path

from registry.api import artifacts, cards, datasets, uploads, views

app_name = "registry_api"
urlpatterns = [
    path("models/", views.Models.as_view(), name="models"),
    path("models/<str:name>/", views.Model.as_view(), name="model"),
    path("models/<str:name>/versions/", views.Versions.as_view(), name="versions"),
    path("models/<str:name>/versions/<int:number>/", views.Version.as_view(), name="version"),
    path("models/<str:name>/versions/<int:number>/scan/", artifacts.Scan.as_view(), name="scan"),
    path("models/<str:name>/versions/<int:number>/bom/", artifacts.Bill.as_view(), name="bom"),
    path("models/<str:name>/versions/<int:number>/statement/", artifacts.Statement.as_view(), name="statement"),
    path("models/<str:name>/versions/<int:number>/card/", cards.CardView.as_view(), name="card"),
    path(
        "models/<str:name>/versions/<int:number>/card/<str:section>/", cards.SectionPut.as_view(), name="card_section"
    ),
    path(
        "models/<str:name>/versions/<int:number>/card/<str:section>/confirm/",
        cards.Confirm.as_view(),
        name="card_confirm",
    ),
    path("models/<str:name>/aliases/", views.Aliases.as_view(), name="aliases"),
    path("data-sets/", datasets.DataSets.as_view(), name="data_sets"),
    path("data-sets/<str:name>/", datasets.DataSetView.as_view(), name="data_set"),
    path("data-sets/<str:name>/versions/", datasets.Versions.as_view(), name="data_set_versions"),
    path("data-sets/<str:name>/versions/<int:number>/", datasets.Version.as_view(), name="data_set_version"),
    path(
        "data-sets/<str:name>/versions/<int:number>/archive/",
        datasets.Archiving.as_view(),
        name="data_set_version_archive",
    ),
    path("data-sets/<str:name>/uploads/", uploads.Uploads.as_view(), name="data_set_uploads"),
    path("data-sets/<str:name>/uploads/<str:key>/", uploads.UploadView.as_view(), name="data_set_upload"),
    path("data-sets/<str:name>/checks/", datasets.Checks.as_view(), name="data_set_checks"),
    path("runs/<str:run_id>/", views.RunDetail.as_view(), name="run"),
]
