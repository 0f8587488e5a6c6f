"""One's own notices."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from portal.core import queries
from portal.core.api.paging import paged
from portal.core.api.views import ApiView
from portal.notices.models import Notice
from portal.notices.selectors import notices as read
from portal.notices.services import notices


class NoticeOut(serializers.ModelSerializer[Notice]):
    """`url` is a path of this portal."""

    class Meta:
        model = Notice
        fields = ("id", "kind", "subject", "text", "url", "created_at", "read_at", "mailed_at")


class ReadAllOut(serializers.Serializer[dict[str, int]]):
    marked = serializers.IntegerField()


YES, NO = ("true", "1"), ("false", "0")


class NoticesView(ApiView):
    query = {"unread": queries.choice(YES + NO)}

    @extend_schema(
        operation_id="notices", parameters=[OpenApiParameter("unread", bool)], responses=NoticeOut(many=True)
    )
    def get(self, request: Request) -> Response:
        """What the caller was told, newest first. A token has no notices."""
        rows = read.of(self.actor, unread=request.query_params.get("unread") in YES)
        return paged(self, request, rows, NoticeOut, "-id")


class NoticeReadView(ApiView):
    @extend_schema(operation_id="notice_read", request=None, responses=NoticeOut)
    def post(self, request: Request, notice_id: int) -> Response:
        return Response(NoticeOut(notices.mark_read(actor=self.actor, notice_id=notice_id)).data)


class NoticesReadView(ApiView):
    @extend_schema(operation_id="notices_read_all", request=None, responses=ReadAllOut)
    def post(self, request: Request) -> Response:
        return Response({"marked": notices.mark_all_read(actor=self.actor)})
