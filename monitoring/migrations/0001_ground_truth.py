"""Ground truth as it was reported: rows never change."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


STANDS = """
CREATE FUNCTION ground_truth_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a report of ground truth never changes; a correction is another report' USING ERRCODE = '42501';
END $$;
CREATE TRIGGER stands BEFORE UPDATE ON monitoring_groundtruth
    FOR EACH ROW EXECUTE FUNCTION ground_truth_stands();
"""
UNDO = """
DROP TRIGGER stands ON monitoring_groundtruth;
DROP FUNCTION ground_truth_stands();
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("deployments", "0037_ab_tests"),
    ]

    operations = [
        migrations.CreateModel(
            name="GroundTruth",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("prediction_id", models.UUIDField()),
                ("row", models.PositiveSmallIntegerField(default=0)),
                ("report", models.PositiveIntegerField(default=1)),
                ("label", models.CharField(blank=True, default="", max_length=200)),
                ("number", models.FloatField(null=True)),
                ("values", models.JSONField(default=dict)),
                ("occurred_at", models.DateTimeField()),
                ("reported_by", models.CharField(max_length=120)),
                ("reported_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "endpoint",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="deployments.endpoint"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["endpoint", "id"], name="ground_truth_order")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("endpoint", "prediction_id", "row", "report"), name="ground_truth_once"
                    ),
                    models.CheckConstraint(condition=models.Q(("report__gte", 1)), name="ground_truth_counts"),
                ],
            },
        ),
        migrations.RunSQL(STANDS, UNDO),
    ]
