"""Gathers the portal's template tags; settings make this module a builtin of every template."""

from portal.ui.library import register
from portal.ui.tags import blocks, data, errors, forms, marks, navigation, numbers, plots, times

__all__ = ["blocks", "data", "errors", "forms", "marks", "navigation", "numbers", "plots", "register", "times"]
