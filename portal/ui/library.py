"""The one library all of the portal's template tags are registered in; `templatetags/ui.py` gathers them."""

from django import template

register = template.Library()
