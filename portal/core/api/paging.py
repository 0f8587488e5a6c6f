"""Cursor paging: stable links, no counting."""

from typing import Any

from django.db.models import QuerySet
from rest_framework.exceptions import NotFound as DrfNotFound
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from portal.core.errors import BadInput


class CursorPages(CursorPagination):
    """`?cursor=` and `?page_size=` (1 to 200, 50 without it); ordered newest first unless the view says otherwise."""

    page_size = 50
    max_page_size = 200
    page_size_query_param = "page_size"
    ordering: str | tuple[str, ...] = "-pk"


def paged(
    view: APIView, request: Request, rows: QuerySet[Any], shape: type[BaseSerializer[Any]], *order: str, **context: Any
) -> Response:
    """One cursor page of `rows` in this order; `context` is handed to the shape."""
    size = request.query_params.get("page_size", "1")
    if not (size.isascii() and size.isdigit() and 1 <= int(size[:9]) <= CursorPages.max_page_size):
        sentence = f"page_size must be a whole number from 1 to {CursorPages.max_page_size}."
        raise BadInput(sentence, fields={"page_size": sentence}, status=400)
    pages = CursorPages()
    pages.ordering = order
    try:
        found = pages.paginate_queryset(rows.order_by(*order), request, view=view)
    except DrfNotFound as error:
        sentence = "This cursor belongs to no page. Follow the links next and previous as they are."
        raise BadInput(sentence, fields={"cursor": sentence}, status=400) from error
    return pages.get_paginated_response(shape(found, many=True, context=context).data)
