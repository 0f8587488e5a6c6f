"""What is only observed of a rollout needs no event: since when its runtime or version is away, since when a
condition holds it, and what a probe showed once more. Without this every such note was refused at its commit."""

from django.db import migrations

from portal.audit import guard

TABLE = "deployments_rollout"
BEFORE = guard.attach(TABLE, "rollout", free=("generation", "step", "step_began_at", "note"))
AFTER = guard.attach(
    TABLE, "rollout", free=("generation", "step", "step_began_at", "note", "away_since", "held_since", "probe")
)


class Migration(migrations.Migration):
    dependencies = [("deployments", "0045_rollout_away")]

    operations = [migrations.RunSQL(BEFORE.reverse_sql, BEFORE.sql), AFTER]
