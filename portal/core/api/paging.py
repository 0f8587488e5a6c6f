"""Cursor paging: stable links, no counting."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from rest_framework.exceptions import NotFound as DrfNotFound
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from portal.core.errors import BadInput
from portal.core.queries import Read


class CursorPages(CursorPagination):
    """`?cursor=` and `?page_size=` (1 to 200, 50 without it); ordered newest first unless the view says otherwise."""

    page_size = 50
    max_page_size = 200
    page_size_query_param = "page_size"
    ordering: str | tuple[str, ...] = "-pk"


def _size(sent: Mapping[str, str], name: str) -> None:
    size = sent.get(name, "1")
    if not (size.isascii() and size.isdigit() and 1 <= int(size[:9]) <= CursorPages.max_page_size):
        sentence = f"{name} must be a whole number from 1 to {CursorPages.max_page_size}."
        raise BadInput(sentence, fields={name: sentence}, status=400)


def _cursor(sent: Mapping[str, str], name: str) -> None:
    asked: Any = SimpleNamespace(query_params=sent)
    try:
        CursorPages().decode_cursor(asked)
    except DrfNotFound as error:
        raise _no_page(name) from error


def _fits(pages: CursorPages, request: Request, rows: QuerySet[Any], order: tuple[str, ...]) -> None:
    """Raises `BadInput` for a cursor whose position is of another kind than what is ordered by; asks no database."""
    cursor = pages.decode_cursor(request)
    if cursor is not None and cursor.position is not None:
        try:
            rows.filter(**{f"{order[0].lstrip('-')}__lte": cursor.position})
        except (ValueError, ValidationError) as error:
            raise _no_page("cursor") from error


def _no_page(name: str) -> BadInput:
    sentence = "This cursor belongs to no page. Follow the links next and previous as they are."
    return BadInput(sentence, fields={name: sentence}, status=400)


PAGING: Mapping[str, Read] = {"cursor": _cursor, "page_size": _size}
"""What every list takes."""


def paged(
    view: APIView, request: Request, rows: QuerySet[Any], shape: type[BaseSerializer[Any]], *order: str, **context: Any
) -> Response:
    """One cursor page of `rows` in this order; `context` is handed to the shape."""
    pages = CursorPages()
    pages.ordering = order
    _fits(pages, request, rows, order)
    found = pages.paginate_queryset(rows.order_by(*order), request, view=view)
    return pages.get_paginated_response(shape(found, many=True, context=context).data)
