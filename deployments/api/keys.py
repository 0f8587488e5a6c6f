"""The keys of an endpoint's callers over the API."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from deployments.api import inputs
from deployments.models import EndpointKey
from deployments.selectors import keys as read
from deployments.services import endpoints, keys
from portal.core import clock
from portal.core.api.inputs import read_input
from portal.core.api.paging import paged
from portal.core.api.views import ApiView


class KeyShape(serializers.ModelSerializer[EndpointKey]):
    """`state` is active, ends_soon, expired or revoked. The key itself is kept nowhere."""

    state = serializers.SerializerMethodField()
    made_by = serializers.CharField(source="made_by.name", default=None, allow_null=True)

    class Meta:
        model = EndpointKey
        fields = ["id", "name", "prefix", "last4", "state", "made_by", "made_at", "expires_at", "revoked_at"]

    def get_state(self, row: EndpointKey) -> str:
        return read.state_of(row, clock.now())


class KeyMade(KeyShape):
    """The only answer that carries the key."""

    secret = serializers.CharField()

    class Meta(KeyShape.Meta):
        fields = [*KeyShape.Meta.fields, "secret"]


class Keys(ApiView):
    @extend_schema(responses={200: KeyShape(many=True)}, summary="The keys of an endpoint's callers")
    def get(self, request: Request, environment: str, name: str) -> Response:
        row = endpoints.find(actor=self.actor, environment=environment, endpoint=name)
        return paged(self, request, read.of(row), KeyShape)

    @extend_schema(request=inputs.NewKey, responses={201: KeyMade}, summary="Make a key for a caller")
    def post(self, request: Request, environment: str, name: str) -> Response:
        """People need a step-up bound to the `binding` that the refusal names, tokens the scope `keys`."""
        sent = read_input(inputs.NewKey, request.data)
        made = keys.create(actor=self.actor, environment=environment, endpoint=name, **sent)
        return Response(KeyShape(made.key).data | {"secret": made.secret}, status=201)


class Revoke(ApiView):
    @extend_schema(request=None, responses={200: KeyShape}, summary="Revoke a key")
    def post(self, request: Request, environment: str, name: str, key_id: str) -> Response:
        row = keys.revoke(actor=self.actor, environment=environment, endpoint=name, key_id=key_id)
        return Response(KeyShape(row).data)
