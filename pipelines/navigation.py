"""What evaluations add to the frame of every page."""

from portal.ui import nav

nav.register(nav.NavItem(label="Evaluations", url_name="pipelines:evaluations", icon="flask", position=27, key="v"))
