"""What lists of evaluations and batch predictions are narrowed by, over the API."""

from collections.abc import Iterable

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter


def filters(statuses: Iterable[str]) -> list[OpenApiParameter]:
    return [
        *(OpenApiParameter(name, OpenApiTypes.STR) for name in ("model", "data_set")),
        OpenApiParameter("version", OpenApiTypes.INT),
        OpenApiParameter("status", OpenApiTypes.STR, enum=list(statuses)),
    ]
