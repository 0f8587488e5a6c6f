"""How an endpoint serves as versioned data, and the limits that each revision was promoted with."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models.functions import Now

from portal.audit import guard

STANDS = """
CREATE FUNCTION serving_settings_stand() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a version of serving settings is never changed or removed' USING ERRCODE = '42501';
END $$;
CREATE TRIGGER stands BEFORE UPDATE OR DELETE ON deployments_servingsettings
    FOR EACH ROW EXECUTE FUNCTION serving_settings_stand();

CREATE FUNCTION revision_keeps_limits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the limits of a revision never change' USING ERRCODE = '42501';
END $$;
CREATE TRIGGER keeps_limits BEFORE UPDATE ON deployments_revision
    FOR EACH ROW WHEN (NEW.limits IS DISTINCT FROM OLD.limits) EXECUTE FUNCTION revision_keeps_limits();
"""
UNDO = """
DROP TRIGGER keeps_limits ON deployments_revision;
DROP FUNCTION revision_keeps_limits();
DROP TRIGGER stands ON deployments_servingsettings;
DROP FUNCTION serving_settings_stand();
"""


class Migration(migrations.Migration):
    dependencies = [("deployments", "0041_ab_run_of_each_step"), ("audit", "0002_initial")]

    operations = [
        migrations.CreateModel(
            name="ServingSettings",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                ("limits", models.JSONField(default=dict)),
                ("names_versions", models.BooleanField(default=True)),
                ("set_by", models.CharField(max_length=120)),
                ("set_by_label", models.CharField(max_length=200)),
                ("set_at", models.DateTimeField(db_default=Now())),
                (
                    "endpoint",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="serving_settings",
                        to="deployments.endpoint",
                    ),
                ),
            ],
            options={
                "ordering": ["-number"],
                "constraints": [
                    models.UniqueConstraint(fields=("endpoint", "number"), name="serving_settings_once"),
                    models.CheckConstraint(condition=models.Q(("number__gte", 1)), name="serving_settings_count"),
                ],
            },
        ),
        migrations.AddField(
            "endpoint",
            "serving",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="deployments.servingsettings",
            ),
        ),
        migrations.AddField("revision", "limits", models.JSONField(default=dict)),
        guard.attach("deployments_servingsettings", "endpoint", id_column="endpoint_id"),
        migrations.RunSQL(STANDS, UNDO),
    ]
