"""A figure: heading, box with reserved height, data table, and the specification for plots.js."""

from typing import Any

from portal.ui.charts import Figure
from portal.ui.library import register


@register.inclusion_tag("components/plot.html")
def plot(figure: Figure, *, tall: bool = False) -> dict[str, Any]:
    """`{% plot figure %}` with a `portal.ui.charts.Figure`."""
    return {"figure": figure, "tall": tall}


@register.inclusion_tag("components/heat.html")
def heat_table(figure: Any) -> dict[str, Any]:
    """`{% heat_table matrix %}` with a `portal.ui.charts.HeatTable`: numbers in tinted cells, plain HTML."""
    return {"heat": figure}
