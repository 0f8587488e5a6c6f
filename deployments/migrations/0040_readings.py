"""What the counters of revisions stood at, once a minute, for a day."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deployments", "0039_drill_guards")]

    operations = [
        migrations.CreateModel(
            name="Reading",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("epoch", models.CharField(max_length=80)),
                ("minute", models.DateTimeField()),
                ("at", models.DateTimeField()),
                ("requests", models.BigIntegerField()),
                ("errors", models.BigIntegerField()),
                ("latency", models.JSONField(default=dict)),
                (
                    "endpoint",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="readings",
                        to="deployments.endpoint",
                    ),
                ),
                (
                    "revision",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="readings",
                        to="deployments.revision",
                    ),
                ),
            ],
            options={
                "ordering": ["at"],
                "indexes": [models.Index(fields=["endpoint", "minute"], name="reading_of_endpoint")],
                "constraints": [
                    models.UniqueConstraint(fields=["revision", "epoch", "minute"], name="reading_once_a_minute"),
                    models.CheckConstraint(
                        condition=models.Q(requests__gte=0) & models.Q(errors__gte=0), name="reading_counts"
                    ),
                ],
            },
        ),
    ]
