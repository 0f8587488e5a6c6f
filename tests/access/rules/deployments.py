"""Entries of this app."""

from tests.access_matrix import RouteRule

RULES: tuple[RouteRule, ...] = ()
