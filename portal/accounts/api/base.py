"""What the views of this app share."""

from typing import Any

from django.db.models import QuerySet
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from portal.accounts.models import Team
from portal.accounts.selectors import people as read
from portal.core.actors import Actor
from portal.core.api.paging import paged
from portal.core.api.views import ApiView
from portal.core.errors import BadInput, NotFound


def find_team(actor: Actor, slug: str | None) -> Team | None:
    """The team of this slug; None for None. An unknown one is a wrong field, not a missing page."""
    if slug is None:
        return None
    try:
        return read.find_team(actor, slug)
    except NotFound as error:
        raise BadInput(error.message, fields={"team": error.message}) from None


class ListView(ApiView):
    """A list in pages."""

    def page(
        self, rows: QuerySet[Any], serializer: type[BaseSerializer[Any]], order: tuple[str, ...], **context: Any
    ) -> Response:
        return paged(self, self.request, rows, serializer, *order, **context)
