"""The base of all API views: an actor, one verb per method, idempotency on unsafe calls."""

from typing import Any, cast

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.core.actors import Actor
from portal.core.api.idempotency import UNSAFE, IdempotencyMixin
from portal.core.api.permissions import AnySignedIn
from portal.core.errors import BadInput

PAGING = ("cursor", "page_size")


class SignedInView(APIView):
    """Signed-in callers only. For calls that may be repeated as they are; verbs go under `ApiView`."""

    permission_classes = [AnySignedIn]
    query: tuple[str, ...] = ()
    """The parameters reading takes beside those of paging; others are refused, since a misspelt filter finds all."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        unknown = sorted(set(request.query_params) - {*self.query, *PAGING}) if request.method == "GET" else []
        if unknown:
            known = ", ".join((*self.query, *PAGING))
            fields = dict.fromkeys(unknown, f"Not known here. Known: {known}.")
            raise BadInput(f"{', '.join(unknown)}: not known here. Known: {known}.", fields=fields, status=400)

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
