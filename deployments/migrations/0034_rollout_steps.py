"""Rollouts in steps: where they stand, why they wait, who hurried them, and what was measured."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from portal.audit import guard

TABLE = "deployments_rollout"
BEFORE = guard.attach(TABLE, "rollout", free=("generation", "step"))
FREE = ("generation", "step", "step_began_at", "note")


class Migration(migrations.Migration):
    dependencies = [
        ("deployments", "0033_plans"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField("rollout", "step_began_at", models.DateTimeField(null=True)),
        migrations.AddField("rollout", "pause_code", models.CharField(blank=True, default="", max_length=20)),
        migrations.AddField("rollout", "paused_at", models.DateTimeField(null=True)),
        migrations.AddField("rollout", "pause_why", models.TextField(blank=True, default="")),
        migrations.AddField(
            "rollout",
            "hurried_by",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField("rollout", "hurried_why", models.TextField(blank=True, default="")),
        migrations.CreateModel(
            name="Measurement",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("step", models.PositiveSmallIntegerField()),
                ("weight", models.PositiveIntegerField()),
                ("counts", models.JSONField(default=dict)),
                ("requests", models.BigIntegerField(default=0)),
                ("champion_requests", models.BigIntegerField(default=0)),
                ("answer", models.CharField(blank=True, default="", max_length=12)),
                ("verdicts", models.JSONField(default=list)),
                ("mismatch", models.TextField(blank=True, default="")),
                ("began_at", models.DateTimeField()),
                ("read_at", models.DateTimeField()),
                (
                    "rollout",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="measurements",
                        to="deployments.rollout",
                    ),
                ),
            ],
            options={
                "ordering": ["rollout", "step"],
                "constraints": [
                    models.UniqueConstraint(fields=("rollout", "step"), name="measurement_once_per_step"),
                    models.CheckConstraint(
                        condition=models.Q(("weight__lte", 10000)), name="measurement_weight_is_a_share"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("read_at__gte", models.F("began_at"))),
                        name="measurement_read_after_it_began",
                    ),
                ],
            },
        ),
        migrations.RunSQL(f"DROP TRIGGER audit_guard ON {TABLE}", BEFORE.sql),
        guard.attach(TABLE, "rollout", free=FREE),
    ]
