"""Rollout plans as versioned data: the ready-made ones, and no row ever changes."""

from django.db import migrations, models
from django.db.models.functions import Now

from deployments.migrations._ready_made import bring_ready_made
from portal.audit import guard

STANDS = """
CREATE FUNCTION rollout_plan_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a version of a rollout plan is never changed or removed' USING ERRCODE = '42501';
END $$;
CREATE TRIGGER stands BEFORE UPDATE OR DELETE ON deployments_rolloutplan
    FOR EACH ROW EXECUTE FUNCTION rollout_plan_stands();
"""
UNDO = """
DROP TRIGGER stands ON deployments_rolloutplan;
DROP FUNCTION rollout_plan_stands();
"""


class Migration(migrations.Migration):
    dependencies = [("deployments", "0032_environment_names"), ("audit", "0002_initial")]

    operations = [
        migrations.AddField("environment", "plan", models.SlugField(blank=True, default="", max_length=60)),
        migrations.CreateModel(
            name="RolloutPlan",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.SlugField(max_length=60)),
                ("version", models.PositiveIntegerField(default=1)),
                ("title", models.CharField(max_length=80)),
                ("body", models.JSONField()),
                ("digest", models.CharField(max_length=80)),
                ("created_by", models.CharField(max_length=120)),
                ("created_by_label", models.CharField(max_length=200)),
                ("created_at", models.DateTimeField(db_default=Now())),
            ],
            options={
                "ordering": ["name", "-version"],
                "constraints": [
                    models.UniqueConstraint(fields=("name", "version"), name="plan_version_once"),
                    models.CheckConstraint(condition=models.Q(("version__gte", 1)), name="plan_version_counts"),
                ],
            },
        ),
        migrations.RunPython(bring_ready_made, migrations.RunPython.noop),
        guard.attach("deployments_rolloutplan", "rollout_plan"),
        migrations.RunSQL(STANDS, UNDO),
    ]
