"""Probes of what is served, golden answers, drills of the way back, and the freeze of automatic promotions."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q


def to(model, related_name="+", **more):
    return models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name=related_name, to=model, **more)


class Migration(migrations.Migration):
    dependencies = [("deployments", "0037_ab_tests")]

    operations = [
        migrations.AddField("environment", "drill_hours", models.PositiveSmallIntegerField(default=24)),
        migrations.AddField("revision", "golden", models.JSONField(null=True)),
        migrations.AddField("rollout", "probe", models.JSONField(null=True)),
        migrations.AddField("endpoint", "frozen_by", to("deployments.rollout", null=True)),
        migrations.AddField("endpoint", "frozen_since", models.DateTimeField(null=True)),
        migrations.AddConstraint(
            "endpoint",
            models.CheckConstraint(
                condition=Q(frozen_by=None, frozen_since=None) | Q(frozen_by__isnull=False, frozen_since__isnull=False),
                name="endpoint_frozen_by_something",
            ),
        ),
        migrations.CreateModel(
            name="RollbackDrill",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("next_reconcile_at", models.DateTimeField(blank=True, db_index=True, null=True)),
                ("lease_owner", models.CharField(blank=True, default="", max_length=120)),
                ("lease_token", models.BigIntegerField(default=0)),
                ("lease_until", models.DateTimeField(blank=True, null=True)),
                ("attempt", models.IntegerField(default=0)),
                ("asked_by", models.CharField(max_length=120)),
                ("asked_by_label", models.CharField(max_length=200)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("passed", models.BooleanField(null=True)),
                ("checks", models.JSONField(default=list)),
                ("seconds", models.FloatField(null=True)),
                ("endpoint", to("deployments.endpoint", "drills")),
                ("from_revision", to("deployments.revision")),
                ("to_revision", to("deployments.revision")),
            ],
            options={
                "ordering": ["-id"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=["endpoint"], condition=models.Q(ended_at=None), name="drill_one_open"
                    ),
                    models.CheckConstraint(
                        condition=Q(ended_at=None, passed=None) | Q(ended_at__isnull=False, passed__isnull=False),
                        name="drill_ends_with_a_result",
                    ),
                ],
            },
        ),
    ]
