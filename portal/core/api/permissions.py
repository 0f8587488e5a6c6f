"""Deny by default: a view that names no permission class answers nobody."""

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request


class DenyAll(BasePermission):
    message = "This route names no permission, so nobody may call it."

    def has_permission(self, request: Request, view: Any) -> bool:
        return False


class AnySignedIn(BasePermission):
    """Anybody with a session or a token. Rights are asked by the policies of the verb or the selector."""

    def has_permission(self, request: Request, view: Any) -> bool:
        actor = getattr(request, "auth", None)
        return bool(actor is not None and actor.is_authenticated)


class Public(BasePermission):
    """Open to everybody, on purpose: the route is on the reviewed public list of the access matrix."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return True
