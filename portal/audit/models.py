"""The audit tables. They live in their own schema, belong to the owner role, and only ever grow."""

from django.db import models

from portal.core import ids


class AuditEvent(models.Model):
    """One recorded act. `canon` is what the leaf hash covers; everything else is there to search by.

    `at`, `xid` and `db_user` are stamped by a trigger, whatever the insert says.
    """

    id = models.UUIDField(primary_key=True, default=ids.new_id)
    at = models.DateTimeField()
    db_user = models.CharField(max_length=63)
    type = models.CharField(max_length=80)
    type_version = models.IntegerField()
    subject_type = models.CharField(max_length=60)
    subject_id = models.CharField(max_length=120)
    subject_name = models.CharField(max_length=300)
    actor_kind = models.CharField(max_length=12)
    actor_id = models.CharField(max_length=120)
    outcome = models.CharField(max_length=10)
    request_id = models.CharField(max_length=80)
    canon = models.BinaryField()
    leaf_hash = models.BinaryField()
    search = models.JSONField(default=dict)

    class Meta:
        managed = False
        db_table = 'audit"."event'
        ordering = ["-at", "-id"]

    def __str__(self) -> str:
        return f"{self.type} {self.subject_type}:{self.subject_id}"


class AuditLeaf(models.Model):
    """The place of an event in the tree."""

    idx = models.BigIntegerField(primary_key=True)
    event = models.OneToOneField(AuditEvent, on_delete=models.DO_NOTHING, db_constraint=False, related_name="leaf")
    leaf_hash = models.BinaryField()
    sequenced_at = models.DateTimeField()

    class Meta:
        managed = False
        db_table = 'audit"."leaf'
        ordering = ["idx"]


class AuditCheckpoint(models.Model):
    """A signed tree head. Several rows may name the same size: the signer signs again when idle."""

    id = models.BigAutoField(primary_key=True)
    size = models.BigIntegerField()
    root = models.BinaryField()
    note = models.TextField()
    signed_at = models.DateTimeField()

    class Meta:
        managed = False
        db_table = 'audit"."checkpoint'
        ordering = ["-id"]


class AuditPii(models.Model):
    """The vault: values whose salted commitments stand in the events. Rows can be erased; the tree stays valid."""

    commitment = models.BinaryField(primary_key=True)
    salt = models.BinaryField()
    value = models.TextField()

    class Meta:
        managed = False
        db_table = 'audit"."pii'
