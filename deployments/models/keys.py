"""Endpoint keys; imported by `deployments.models`."""

from django.db import models
from django.db.models.functions import Now

from portal.accounts.models import Person
from portal.core import ids


class EndpointKey(models.Model):
    """A caller's key for one endpoint. `hash` is the SHA-256 of the key in lower-case hex, as the gateway holds it; the
    key itself is kept nowhere."""

    id = models.UUIDField(primary_key=True, default=ids.new_id)
    endpoint = models.ForeignKey("Endpoint", on_delete=models.PROTECT, related_name="keys")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=20)
    last4 = models.CharField(max_length=4)
    hash = models.CharField(max_length=64, unique=True)
    made_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-made_at", "-id"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…{self.last4})"
