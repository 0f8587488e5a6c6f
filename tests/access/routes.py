"""The routes that exist, read from the URLconf itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.test import RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver
from django.views.generic.edit import ProcessFormView
from rest_framework.views import APIView

from portal.core.actors import Actor

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Route:
    """A named route with the methods it answers."""

    name: str
    pattern: URLPattern
    methods: tuple[str, ...]


def _walk(resolver: URLResolver, spaces: tuple[str, ...] = ()) -> Iterator[tuple[str, URLPattern]]:
    for found in resolver.url_patterns:
        if isinstance(found, URLResolver):
            yield from _walk(found, (*spaces, found.namespace) if found.namespace else spaces)
        else:
            yield ":".join((*spaces, found.name or repr(found.pattern))), found


def _class_methods(view: Any, names: list[str]) -> tuple[str, ...]:
    """Those a class-based view has handlers for; Django's form views answer PUT as they answer POST."""
    found = [method for method in METHODS if hasattr(view, method.lower()) and method.lower() in names]
    if issubclass(view, ProcessFormView):
        found = [method for method in found if method != "PUT"]
    if not issubclass(view, APIView) and hasattr(view, "form_class") and "DELETE" in found:
        found.remove("DELETE")
    return tuple(found)


def _function_methods(callback: Any) -> tuple[str, ...]:
    """Those that `require_http_methods` lets through: asked by a method no view has."""
    request: Any = RequestFactory().generic("BREW", "/")
    request.actor = Actor(kind="anonymous", id="anonymous", label="Anonymous")
    answer = callback(request)
    assert answer.status_code == 405, f"{callback} answers any method; name those it has"
    return tuple(method for method in METHODS if method in answer.headers["Allow"])


def all_routes() -> list[Route]:
    found = []
    for name, pattern in _walk(get_resolver()):
        callback = pattern.callback
        view = getattr(callback, "cls", None) or getattr(callback, "view_class", None)
        names = getattr(callback, "view_initkwargs", {}).get("http_method_names", [m.lower() for m in METHODS])
        methods = _class_methods(view, names) if view is not None else _function_methods(callback)
        found.append(Route(name, pattern, methods))
    return found
