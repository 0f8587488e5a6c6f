"""Drills of the way back; imported by `deployments.models`."""

from django.db import models
from django.db.models import Q

from portal.core.leases import Leased


class RollbackDrill(Leased):
    """A look at whether going back from one revision to another would work, without moving any traffic.

    Open until `ended_at`; then `passed` and, in `checks`, what was looked at: `code`, `ok` and a sentence each.
    `seconds` is from when it could begin to its end.
    """

    endpoint = models.ForeignKey("Endpoint", on_delete=models.PROTECT, related_name="drills")
    from_revision = models.ForeignKey("Revision", on_delete=models.PROTECT, related_name="+")
    to_revision = models.ForeignKey("Revision", on_delete=models.PROTECT, related_name="+")
    asked_by = models.CharField(max_length=120)
    asked_by_label = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)
    passed = models.BooleanField(null=True)
    checks = models.JSONField(default=list)
    seconds = models.FloatField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["endpoint"], condition=Q(ended_at=None), name="drill_one_open"),
            models.CheckConstraint(
                condition=Q(ended_at=None, passed=None) | Q(ended_at__isnull=False, passed__isnull=False),
                name="drill_ends_with_a_result",
            ),
        ]

    def __str__(self) -> str:
        return f"Drill of {self.endpoint} back to v{self.to_revision.version.number}"

    @property
    def wrong(self) -> list[str]:
        """What was not as it should be, in words."""
        return [one["words"] for one in self.checks if not one["ok"]]
