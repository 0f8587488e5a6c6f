"""What lists of evaluations and batch predictions are narrowed by, over the API."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter

NAMES = ("model", "data_set", "version", "status")
FILTERS = [
    *(OpenApiParameter(name, OpenApiTypes.STR) for name in ("model", "data_set", "status")),
    OpenApiParameter("version", OpenApiTypes.INT),
]
