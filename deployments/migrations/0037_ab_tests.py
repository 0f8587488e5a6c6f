"""A/B tests: their runs, the rows they compare, and the ready-made plan with one."""

import django.db.models.deletion
from django.db import migrations, models

from deployments.migrations._ready_made import bring_ready_made

ENDED = """
CREATE FUNCTION ab_run_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.ended_at IS NOT NULL THEN
        RAISE EXCEPTION 'the report of an A/B test that has ended never changes' USING ERRCODE = '42501';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER stands AFTER UPDATE OR DELETE ON deployments_abrun
    FOR EACH ROW EXECUTE FUNCTION ab_run_stands();
"""
UNDO = """
DROP TRIGGER stands ON deployments_abrun;
DROP FUNCTION ab_run_stands();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("deployments", "0036_shadow_runs"),
    ]

    operations = [
        migrations.CreateModel(
            name="AbRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("step", models.PositiveSmallIntegerField()),
                ("cursor", models.CharField(blank=True, default="", max_length=4000)),
                ("truths", models.BigIntegerField(default=0)),
                ("predictions", models.BigIntegerField(default=0)),
                ("dropped", models.BigIntegerField(default=0)),
                ("gap", models.BooleanField(default=False)),
                ("report", models.JSONField(default=dict)),
                ("decision", models.CharField(blank=True, default="", max_length=10)),
                ("decided_by", models.CharField(blank=True, default="", max_length=120)),
                ("decided_by_label", models.CharField(blank=True, default="", max_length=200)),
                ("decided_at", models.DateTimeField(null=True)),
                ("began_at", models.DateTimeField()),
                ("read_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "rollout",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="ab_run", to="deployments.rollout"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="AbPrediction",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("prediction_id", models.UUIDField()),
                ("row", models.PositiveSmallIntegerField(default=0)),
                ("arm", models.CharField(max_length=6)),
                ("unit", models.CharField(blank=True, default="", max_length=32)),
                ("at", models.DateTimeField()),
                ("label", models.CharField(blank=True, default="", max_length=200)),
                ("number", models.FloatField(null=True)),
                ("true_label", models.CharField(blank=True, default="", max_length=200)),
                ("true_number", models.FloatField(null=True)),
                ("true_values", models.JSONField(null=True)),
                ("true_at", models.DateTimeField(null=True)),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="rows", to="deployments.abrun"
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="abrun",
            constraint=models.CheckConstraint(
                condition=models.Q(("decision__in", ["", "promote", "keep"])), name="ab_run_decision_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="abprediction",
            constraint=models.UniqueConstraint(fields=("run", "prediction_id", "row"), name="ab_prediction_once"),
        ),
        migrations.AddConstraint(
            model_name="abprediction",
            constraint=models.CheckConstraint(
                condition=models.Q(("arm__in", ["stable", "canary"])), name="ab_prediction_arm_known"
            ),
        ),
        migrations.RunSQL(ENDED, UNDO),
        migrations.RunPython(bring_ready_made, migrations.RunPython.noop),
    ]
