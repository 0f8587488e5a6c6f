"""Whoever changed the evidence of a request while it was open: kept with it, and refused by the database itself."""

from django.db import migrations, models

REFUSED = """
ALTER TABLE deployments_approval ADD CONSTRAINT approval_not_by_changer
    CHECK (NOT changers @> jsonb_build_array(jsonb_build_object('person', reviewer_id)));

CREATE OR REPLACE FUNCTION approval_copies_request() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT requester_id, uploader_id, changers INTO NEW.requester_id, NEW.uploader_id, NEW.changers
      FROM deployments_promotionrequest WHERE id = NEW.request_id;
    RETURN NEW;
END $$;

CREATE FUNCTION request_keeps_changers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT NEW.changers @> OLD.changers THEN
        RAISE EXCEPTION 'whoever changed the evidence of a request stays its changer' USING ERRCODE = '42501';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keeps_changers BEFORE UPDATE ON deployments_promotionrequest
    FOR EACH ROW EXECUTE FUNCTION request_keeps_changers();
"""
UNDO = """
DROP TRIGGER keeps_changers ON deployments_promotionrequest;
DROP FUNCTION request_keeps_changers();

CREATE OR REPLACE FUNCTION approval_copies_request() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT requester_id, uploader_id INTO NEW.requester_id, NEW.uploader_id
      FROM deployments_promotionrequest WHERE id = NEW.request_id;
    RETURN NEW;
END $$;

ALTER TABLE deployments_approval DROP CONSTRAINT approval_not_by_changer;
"""


class Migration(migrations.Migration):
    dependencies = [("deployments", "0013_environments_once")]

    operations = [
        migrations.AddField("promotionrequest", "changers", models.JSONField(default=list)),
        migrations.AddField("approval", "changers", models.JSONField(default=list)),
        migrations.RunSQL(REFUSED, UNDO),
    ]
