"""Puts scans and statements under the commit guard, and keeps both from ever being changed or removed."""

from django.db import migrations

from portal.audit import guard

STAND = """
CREATE FUNCTION artifact_record_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a scan or a statement is never changed or removed' USING ERRCODE = '42501';
END $$;
CREATE TRIGGER stands BEFORE UPDATE OR DELETE ON registry_artifactscan
    FOR EACH ROW EXECUTE FUNCTION artifact_record_stands();
CREATE TRIGGER stands BEFORE UPDATE OR DELETE ON registry_artifactstatement
    FOR EACH ROW EXECUTE FUNCTION artifact_record_stands();
"""
UNDO = """
DROP TRIGGER stands ON registry_artifactstatement;
DROP TRIGGER stands ON registry_artifactscan;
DROP FUNCTION artifact_record_stands();
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0010_artifact_scans"), ("audit", "0002_initial")]
    operations = [
        guard.attach("registry_artifactscan", "model_version", id_column="version_id"),
        guard.attach("registry_artifactstatement", "model_version", id_column="version_id"),
        migrations.RunSQL(STAND, UNDO),
    ]
