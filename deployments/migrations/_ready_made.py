"""What the migrations that bring ready-made plans share."""

from typing import Any

from deployments.engine import ready_made
from portal.core import digests


def bring_ready_made(apps: Any, editor: Any) -> None:
    """Write those plans that are not there yet; a plan somebody has written under such a name stays."""
    plan = apps.get_model("deployments", "RolloutPlan")
    for name, body in ready_made.PLANS.items():
        if not plan.objects.filter(name=name).exists():
            plan.objects.create(
                name=name,
                title=ready_made.TITLES[name],
                body=body,
                digest=digests.of_json(body),
                created_by="system",
                created_by_label="comes with the portal",
            )
