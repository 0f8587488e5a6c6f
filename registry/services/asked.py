"""What can be asked of a version on data: the rule that evaluations and batch predictions share."""

from portal.core.errors import BadInput
from registry.models import DataSetVersion, ModelVersion


def require_ready(version: ModelVersion, data: DataSetVersion) -> None:
    """Raise `BadInput` unless the version can be loaded and the data read."""
    if version.deleted_at is not None:
        raise BadInput(f"{version} was deleted in MLflow. Register it anew.", fields={"version": "deleted"})
    if version.status != "ready":
        raise BadInput(f"{version} is not ready, so it cannot be loaded.", fields={"version": "not ready"})
    if data.status != "ready":
        raise BadInput(
            f"{data} is not ready. Choose a version that was taken in.", fields={"data_version": "not ready"}
        )
