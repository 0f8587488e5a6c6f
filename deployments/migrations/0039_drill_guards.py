"""Puts drills under the commit guard: a gate rests on them. One that has ended never changes."""

from django.db import migrations

from portal.audit import guard

ENDED = """
CREATE FUNCTION drill_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.ended_at IS NOT NULL AND (
        TG_OP = 'DELETE'
        OR (NEW.endpoint_id, NEW.from_revision_id, NEW.to_revision_id, NEW.created_at, NEW.ended_at, NEW.passed,
            NEW.checks, NEW.seconds, NEW.asked_by)
           IS DISTINCT FROM
           (OLD.endpoint_id, OLD.from_revision_id, OLD.to_revision_id, OLD.created_at, OLD.ended_at, OLD.passed,
            OLD.checks, OLD.seconds, OLD.asked_by)
    ) THEN
        RAISE EXCEPTION 'the result of a drill never changes' USING ERRCODE = '42501';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER stands AFTER UPDATE OR DELETE ON deployments_rollbackdrill
    FOR EACH ROW EXECUTE FUNCTION drill_stands();
"""
UNDO = """
DROP TRIGGER stands ON deployments_rollbackdrill;
DROP FUNCTION drill_stands();
"""


class Migration(migrations.Migration):
    dependencies = [("deployments", "0038_rollback_trust")]

    operations = [
        guard.attach("deployments_rollbackdrill", "endpoint", id_column="endpoint_id"),
        migrations.RunSQL(ENDED, UNDO),
    ]
