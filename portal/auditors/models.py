"""What the auditor's room keeps for itself: results of verifications. The log is in `portal.audit`."""

from django.db import models


class Verification(models.Model):
    """One re-computation of the whole tree: up to which size, with what result, asked for by whom."""

    at = models.DateTimeField(auto_now_add=True)
    size = models.BigIntegerField()
    ok = models.BooleanField()
    first_bad_index = models.BigIntegerField(null=True)
    reason = models.CharField(max_length=500, default="", blank=True)
    asked_by = models.CharField(max_length=200)

    class Meta:
        ordering = ["-id"]
