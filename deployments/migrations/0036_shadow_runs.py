"""Reports of shadows, and the ready-made plan that begins with one."""

import django.db.models.deletion
from django.db import migrations, models

from deployments.migrations._ready_made import bring_ready_made

ENDED = """
CREATE FUNCTION shadow_run_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.ended_at IS NOT NULL THEN
        RAISE EXCEPTION 'the report of a shadow that has ended never changes' USING ERRCODE = '42501';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER stands AFTER UPDATE OR DELETE ON deployments_shadowrun
    FOR EACH ROW EXECUTE FUNCTION shadow_run_stands();
"""
UNDO = """
DROP TRIGGER stands ON deployments_shadowrun;
DROP FUNCTION shadow_run_stands();
"""


class Migration(migrations.Migration):
    dependencies = [("deployments", "0035_rollout_notes")]

    operations = [
        migrations.CreateModel(
            name="ShadowRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("step", models.PositiveSmallIntegerField()),
                ("report", models.JSONField(default=dict)),
                ("began_at", models.DateTimeField()),
                ("read_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "rollout",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="shadow_run",
                        to="deployments.rollout",
                    ),
                ),
            ],
        ),
        migrations.RunSQL(ENDED, UNDO),
        migrations.RunPython(bring_ready_made, migrations.RunPython.noop),
    ]
