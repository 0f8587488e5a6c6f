"""What people are told: one row per person and matter, shown in the portal and sent by mail."""

from django.db import models

from portal.accounts.models import Person
from portal.core.leases import Leased


class Notice(Leased):
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=60)
    dedup = models.CharField(max_length=200)
    subject = models.CharField(max_length=200)
    text = models.TextField()
    url = models.CharField(max_length=300)
    created_at = models.DateTimeField(auto_now_add=True)
    read_at = models.DateTimeField(null=True)
    mailed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["person", "kind", "dedup"], name="notice_once")]
