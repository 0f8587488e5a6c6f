"""The pages behind the subjects of this app's events."""

from django.urls import reverse

from portal.audit import places
from registry.models import DataSet, DataSetVersion, ModelVersion, RegisteredModel


def model(pk: str) -> str:
    row = RegisteredModel.objects.filter(pk=int(pk), deleted_at=None).first()
    return reverse("registry:model", args=[row.name]) if row else ""


def version(pk: str) -> str:
    row = ModelVersion.objects.select_related("model").filter(pk=int(pk), deleted_at=None).first()
    return reverse("registry:version", args=[row.model.name, row.number]) if row else ""


def data_set(pk: str) -> str:
    row = DataSet.objects.filter(pk=int(pk)).first()
    return reverse("registry:data_set", args=[row.name]) if row else ""


def data_version(pk: str) -> str:
    row = DataSetVersion.objects.select_related("data_set").filter(pk=int(pk)).first()
    return reverse("registry:data_version", args=[row.data_set.name, row.number]) if row else ""


def batch_prediction(pk: str) -> str:
    return reverse("pipelines:batch_prediction", args=[int(pk)])


def register() -> None:
    places.register("registered_model", model)
    places.register("model_version", version)
    places.register("data_set", data_set)
    places.register("data_set_version", data_version)
    places.register("batch_prediction", batch_prediction)
