from django.urls import path

from registry.views import artifacts, cards, data_acts, datasets, hooks, models, runs

app_name = "registry"
urlpatterns = [
    path("hooks/mlflow/", hooks.mlflow, name="mlflow_hook"),
    path("models/", models.listing, name="models"),
    path("models/<str:name>/", models.model, name="model"),
    path("models/<str:name>/edit/", models.edit, name="edit"),
    path("models/<str:name>/compare/", models.compare, name="compare"),
    path("models/<str:name>/versions/<int:number>/", models.version, name="version"),
    path("models/<str:name>/versions/<int:number>/scan/", artifacts.rescan, name="scan"),
    path("models/<str:name>/versions/<int:number>/scan/now/", artifacts.section, name="scan_now"),
    path("models/<str:name>/versions/<int:number>/bom/", artifacts.bill, name="bom"),
    path("models/<str:name>/versions/<int:number>/statement/", artifacts.statement, name="statement"),
    path("models/<str:name>/versions/<int:number>/card/", cards.page, name="card"),
    path("models/<str:name>/versions/<int:number>/card/markdown/", cards.as_markdown, name="card_markdown"),
    path("models/<str:name>/versions/<int:number>/card/<str:section>/edit/", cards.edit, name="card_edit"),
    path("models/<str:name>/aliases/<str:alias>/", models.alias_history, name="alias_history"),
    path("models/<str:name>/@<str:alias>/", models.alias, name="alias"),
    path("data-sets/", datasets.listing, name="data_sets"),
    path("data-sets/new/", data_acts.new, name="data_set_new"),
    path("data-sets/<str:name>/", datasets.data_set, name="data_set"),
    path("data-sets/<str:name>/edit/", data_acts.edit, name="data_set_edit"),
    path("data-sets/<str:name>/checks/", data_acts.checks, name="data_checks"),
    path("data-sets/<str:name>/versions/new/", data_acts.register, name="data_version_new"),
    path("data-sets/<str:name>/versions/<int:number>/", datasets.version, name="data_version"),
    path("data-sets/<str:name>/versions/<int:number>/archive/", data_acts.archive, name="data_version_archive"),
    path("runs/<str:run_id>/", runs.run, name="run"),
    path("runs/<str:run_id>/artifact/", runs.artifact, name="artifact"),
]
