"""What lists of evaluations and batch predictions are narrowed by, over the API."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from registry.selectors.asked import Filter

NAMES = ("model", "data_set", "version", "status")
FILTERS = [
    *(OpenApiParameter(name, OpenApiTypes.STR) for name in ("model", "data_set", "status")),
    OpenApiParameter("version", OpenApiTypes.INT),
]


def wanted(request: Request) -> Filter:
    query = request.query_params
    number = query.get("version", "")
    return Filter(
        query.get("model", ""),
        query.get("data_set", ""),
        query.get("status", ""),
        int(number) if number.isdigit() else None,
    )
