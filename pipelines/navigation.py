"""What evaluations and batch predictions add to the frame of every page."""

from portal.ui import nav

nav.register(nav.NavItem(label="Evaluations", url_name="pipelines:evaluations", icon="flask", position=27, key="v"))
nav.register(
    nav.NavItem(label="Batch predictions", url_name="pipelines:batch_predictions", icon="table", position=28, key="b")
)
