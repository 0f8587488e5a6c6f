"""The base of all API views: an actor, one verb per method, idempotency on unsafe calls."""

from collections.abc import Mapping
from typing import Any, cast

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.core import queries
from portal.core.actors import Actor
from portal.core.api.idempotency import UNSAFE, IdempotencyMixin
from portal.core.api.paging import PAGING
from portal.core.api.permissions import AnySignedIn
from portal.core.queries import Read


class SignedInView(APIView):
    """Signed-in callers only. For calls that may be repeated as they are; verbs go under `ApiView`."""

    permission_classes = [AnySignedIn]
    query: Mapping[str, Read] = {}
    """The parameters reading takes beside those of paging; others are refused, and so is what cannot be read."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method == "GET":
            queries.refuse(request.query_params, {**self.query, **PAGING})

    @property
    def actor(self) -> Actor:
        return cast(Actor, self.request.auth)


class ApiView(IdempotencyMixin, SignedInView):
    """Write `get`, `post`, ... as usual; unsafe ones run under the Idempotency-Key rules."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method in UNSAFE:
            name = str(request.method).lower()
            handler = getattr(type(self), name, None)
            if handler is not None:
                setattr(self, name, self._once(handler))

    def _once(self, handler: Any) -> Any:
        def call(request: Request, *args: Any, **kwargs: Any) -> Response:
            return self.run_once(request, lambda: handler(self, request, *args, **kwargs))

        return call
