"""What the gate keeps of calls to MLflow, and when MLflow was last read."""

from django.db import models

from portal.core import ids
from portal.core.leases import Leased


class GateIntent(models.Model):
    """A registry change sent to MLflow whose outcome must be written; orphans are closed by a reconciler."""

    id = models.UUIDField(primary_key=True, default=ids.new_id)
    route = models.CharField(max_length=120)
    subject_name = models.CharField(max_length=300)
    actor = models.CharField(max_length=120)
    body = models.JSONField(default=dict)
    at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=20, default="", blank=True)


class MirrorPass(models.Model):
    """When our rows were last compared with everything MLflow holds; one row."""

    at = models.DateTimeField()


class AccessLogEntry(models.Model):
    """Runs and metrics written through the gate: who, when, what route; kept out of the tree for volume."""

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    actor = models.CharField(max_length=120)
    route = models.CharField(max_length=120)
    subject = models.CharField(max_length=300, default="")
    status = models.PositiveSmallIntegerField()


class HookDelivery(Leased):
    """A signed message of MLflow's about a change, until the model it names has been compared; each counts once."""

    delivery = models.CharField(max_length=80, unique=True)
    event = models.CharField(max_length=80)
    name = models.CharField(max_length=300)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
